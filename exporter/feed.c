// SPDX-License-Identifier: GPL-2.0-or-later
#include "feed.h"

#include "base/clock.h"
#include "proto/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct answer {
	json_t *status;   /* owned; NULL: there is none */
	uint64_t at_ns;   /* when it came, CLOCK_MONOTONIC; 0: none has come yet */
	double seconds;
	struct spec_error err;
};

struct feed {
	struct client client;
	struct history *history;
	struct answer answers[FEED_DETAILS];
};

struct feed *feed_open(void)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	client_give_up_after(FEED_PATIENCE_S);
	f->client.fd = -1;
	f->history = history_new();
	if (!f->history) {
		free(f);
		return NULL;
	}
	return f;
}

static void hang_up(struct feed *f)
{
	client_closep(&f->client);
	f->client = (struct client){ .fd = -1 };
}

void feed_close(struct feed *f)
{
	hang_up(f);
	history_free(f->history);
	for (size_t i = 0; i < FEED_DETAILS; i++)
		json_decref(f->answers[i].status);
	free(f);
}

/* A connection that divvyd has closed is noticed when it is used: then a new one is tried, once. */
static json_t *ask(struct feed *f, enum feed_detail detail, struct spec_error *err)
{
	static const char *const args[] = { [FEED_COUNTERS] = "counters", [FEED_BRIEF] = "brief" };
	json_t *status = NULL;
	bool used = f->client.fd >= 0;
	int r = used ? 0 : client_open(&f->client, err);

	if (r >= 0)
		r = client_ask(&f->client, "status", args[detail] ? json_pack("{s:b}", args[detail], 1) : NULL, &status, err);
	if (r < 0 && r != -EREMOTEIO)
		hang_up(f);
	if (r < 0 && used && r != -ETIMEDOUT)
		return ask(f, detail, err); /* not used now */
	return r < 0 ? NULL : status;
}

void feed_read(struct feed *f, enum feed_detail detail, struct feed_reading *out)
{
	struct answer *a = &f->answers[detail];
	uint64_t begun = clock_now_ns();

	if (!a->at_ns || begun > a->at_ns + FEED_FRESH_NS) {
		json_decref(a->status);
		a->status = ask(f, detail, &a->err);
		a->at_ns = clock_now_ns();
		a->seconds = (double)(a->at_ns - begun) / NSEC_PER_SEC;
		if (a->status)
			history_add(f->history, a->status);
	}
	out->status = a->status;
	out->seconds = a->seconds;
	snprintf(out->why, sizeof(out->why), "%s", a->status ? "" : a->err.text);
}

const struct history *feed_history(const struct feed *f)
{
	return f->history;
}
