// SPDX-License-Identifier: GPL-2.0-or-later
#include "events.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "proto/jsontext.h"
#include "proto/proto.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What goes before the line that is kept: it differs from watcher to watcher. */
#define PREFIX "{\"version\":%d,\"id\":%" PRId64 ","
#define PREFIX_MAX 64

struct events {
	struct kept {
		char *line; /* owned; without PREFIX, with its newline */
		size_t len;
	} *ring;       /* of EVENTS_KEPT, by number; owned; NULL: no watcher */
	uint64_t next; /* number of the next event; the first is 1 */
	size_t n;      /* kept: those with the numbers below next */
	size_t bytes;  /* of them */
	size_t watchers;
	void (*heard)(void *arg);
	void *arg;
};

struct events *events_new(void (*heard)(void *arg), void *arg)
{
	struct events *e = calloc(1, sizeof(*e));

	if (e)
		*e = (struct events){ .next = 1, .heard = heard, .arg = arg };
	return e;
}

static void drop_oldest(struct events *e)
{
	struct kept *k = &e->ring[(e->next - e->n) % EVENTS_KEPT];

	e->bytes -= k->len;
	free(k->line);
	*k = (struct kept){ 0 };
	e->n--;
}

static void drop_all(struct events *e)
{
	while (e->n)
		drop_oldest(e);
}

struct events *events_free(struct events *e)
{
	if (!e)
		return NULL;
	drop_all(e);
	free(e->ring);
	free(e);
	return NULL;
}

/* --- lines ------------------------------------------------------------------------------------------- */

static void put_time(struct jsontext *j, uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / NSEC_PER_SEC);
	struct tm utc = { 0 };
	char day[32], text[64];

	gmtime_r(&seconds, &utc);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, sizeof(text), "%s.%06" PRIu64 "Z", day, (uint64_t)(realtime_ns % NSEC_PER_SEC / NSEC_PER_USEC));
	jsontext_string(j, "time", text);
	jsontext_int(j, "realtime_ns", (int64_t)realtime_ns);
}

static void put_name(struct jsontext *j, const char *key, const char *name)
{
	if (name)
		jsontext_string(j, key, name);
	else
		jsontext_null(j, key);
}

/* Without PREFIX; NULL: memory is out. The caller's to free. */
static char *line_of(const char *kind, uint64_t number, const struct event *e, const char *text)
{
	struct jsontext j = { 0 };
	_cleanup_free_ char *object = NULL;
	char *line;

	jsontext_open(&j, NULL, '{');
	jsontext_string(&j, "event", kind);
	jsontext_int(&j, "number", (int64_t)number);
	put_time(&j, clock_realtime_ns());
	put_name(&j, "device", e->device);
	put_name(&j, "uplink", e->uplink);
	put_name(&j, "nic", e->nic);
	put_name(&j, "direction", e->direction);
	for (size_t i = 0; i < EVENT_FIELDS_MAX && e->fields[i].key; i++)
		if (e->fields[i].text)
			jsontext_string(&j, e->fields[i].key, e->fields[i].text);
		else
			jsontext_int(&j, e->fields[i].key, e->fields[i].number);
	jsontext_string(&j, "text", text);
	jsontext_close(&j, '}');
	object = jsontext_take(&j);
	return object && asprintf(&line, "%s\n", object + 1) >= 0 ? line : NULL;
}

void events_add(void *arg, const struct event *event, const char *text)
{
	struct events *e = arg;
	uint64_t number = e->next;
	char *line = NULL;
	size_t len;

	if (e->watchers)
		line = line_of(event_names[event->kind], number, event, text);
	len = line ? strlen(line) : 0;
	if (!line || len + PREFIX_MAX > EVENTS_LINE_MAX) {
		/* Nothing can be kept behind what is lacking: watchers that have not come so far have missed it. */
		free(line);
		drop_all(e);
		e->next++;
	} else {
		while (e->n == EVENTS_KEPT || (e->n && e->bytes + len > EVENTS_BYTES))
			drop_oldest(e);
		e->ring[number % EVENTS_KEPT] = (struct kept){ .line = line, .len = len };
		e->n++;
		e->next++;
		e->bytes += len;
	}
	if (e->watchers)
		e->heard(e->arg);
}

/* --- watchers ---------------------------------------------------------------------------------------- */

bool events_watched(const struct events *e)
{
	return e->watchers;
}

int events_watch(struct events *e, int64_t id, struct watcher *w)
{
	events_leave(w);
	if (!e->ring)
		e->ring = calloc(EVENTS_KEPT, sizeof(*e->ring));
	if (!e->ring)
		return -ENOMEM;
	e->watchers++;
	*w = (struct watcher){ .events = e, .id = id, .next = e->next };
	return 0;
}

void events_leave(struct watcher *w)
{
	struct events *e = w->events;

	*w = (struct watcher){ 0 };
	if (!e || --e->watchers)
		return;
	drop_all(e);
	free(e->ring);
	e->ring = NULL;
}

bool events_left(const struct watcher *w)
{
	return w->events && w->next < w->events->next;
}

bool events_overtaken(const struct watcher *w)
{
	return w->events && w->next < w->events->next - w->events->n;
}

size_t events_take(struct watcher *w, char *buf, size_t size)
{
	const struct events *e = w->events;
	size_t used = 0;

	while (w->next < e->next) {
		const struct kept *k = &e->ring[w->next % EVENTS_KEPT];

		if (size - used < k->len + PREFIX_MAX)
			break;
		used += (size_t)snprintf(buf + used, size - used, PREFIX "%s", PROTO_VERSION, w->id, k->line);
		w->next++;
	}
	return used;
}

uint64_t events_missed(const struct watcher *w, char buf[EVENTS_LINE_MAX])
{
	uint64_t missed = w->events->next - w->next;
	const struct event e = { .fields = { { "count", NULL, (int64_t)missed } } };
	_cleanup_free_ char *line = NULL;
	char text[128];

	snprintf(text, sizeof(text), "%" PRIu64 " event%s missed, for this client read too slowly: it is cut off", missed,
		 missed == 1 ? " was" : "s were");
	line = line_of("missed", w->events->next, &e, text);
	snprintf(buf, EVENTS_LINE_MAX, PREFIX "%s", PROTO_VERSION, w->id, line ? line : "\"event\":\"missed\"}\n");
	return missed;
}
