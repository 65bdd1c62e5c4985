// SPDX-License-Identifier: GPL-2.0-or-later
#include "web.h"
#include "metrics.h"
#include "origin.h"
#include "page.h"

#include "base/cleanup.h"

#include <limits.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define JSON_TYPE "application/json"
#define PLAIN_TYPE "text/plain; charset=utf-8"

struct web {
	struct MHD_Daemon *server;
	struct web_config config;
	size_t unsent; /* of bodies that clients have not taken, bytes */
};

/* Of an answer, until it is sent or its connection ends. */
struct body {
	struct web *web;
	char *buf;
	size_t size;
};

struct answer {
	unsigned int status;
	const char *type;
	struct text body;             /* taken by send_answer() */
	char nonce[PAGE_NONCE_SIZE];  /* "": the answer is no page */
};

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* --- what is answered ------------------------------------------------------------------------------------- */

static void refuse(struct answer *a, unsigned int status, const char *why)
{
	a->status = status;
	a->type = PLAIN_TYPE;
	text_printf(&a->body, "%s\n", why);
}

static void give_metrics(struct web *w, struct MHD_Connection *c, struct answer *a)
{
	bool open = metrics_wants_openmetrics(header(c, "Accept"));
	struct feed_reading r;

	feed_read(w->config.feed, FEED_COUNTERS, &r);
	a->type = open ? METRICS_OPEN_TYPE : METRICS_TEXT_TYPE;
	metrics_write(&(struct metrics_source){ r.status, r.seconds, DIVVY_VERSION }, open, &a->body);
}

static int put_dumped(const char *s, size_t len, void *to)
{
	text_put(to, s, len);
	return 0;
}

static void give_status(struct web *w, struct MHD_Connection *c, struct answer *a)
{
	bool brief = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "brief");
	json_auto_t *error = NULL;
	struct feed_reading r;

	feed_read(w->config.feed, brief ? FEED_BRIEF : FEED_WHOLE, &r);
	a->type = JSON_TYPE;
	if (!r.status) {
		a->status = MHD_HTTP_SERVICE_UNAVAILABLE;
		error = json_pack("{s:i,s:s}", "version", 1, "error", r.why);
	}
	json_dump_callback(r.status ?: error, put_dumped, &a->body, JSON_COMPACT | JSON_REAL_PRECISION(6));
}

static void give_history(struct web *w, struct MHD_Connection *c, struct answer *a)
{
	(void)c;
	a->type = JSON_TYPE;
	history_write(feed_history(w->config.feed), &a->body);
}

static void give_page(struct web *w, struct MHD_Connection *c, struct answer *a)
{
	unsigned char random[(PAGE_NONCE_SIZE - 1) / 2];

	(void)w, (void)c;
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		refuse(a, MHD_HTTP_INTERNAL_SERVER_ERROR, "no random numbers");
		return;
	}
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(a->nonce + 2 * i, 3, "%02x", random[i]);
	a->type = "text/html; charset=utf-8";
	page_write(a->nonce, &a->body);
}

static const struct route {
	const char *path;
	void (*give)(struct web *w, struct MHD_Connection *c, struct answer *a);
} routes[] = {
	{ "/", give_page },
	{ "/metrics", give_metrics },
	{ "/status.json", give_status },
	{ "/history.json", give_history },
};

static void answer_to(struct web *w, struct MHD_Connection *c, const char *path, const char *method, struct answer *a)
{
	if (!origin_is_allowed(header(c, "Host"), w->config.names, w->config.n_names)) {
		refuse(a, MHD_HTTP_FORBIDDEN, "this name (Host:) is not one of this server's: see divvy-exporter(8), --host");
		return;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		refuse(a, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD alone");
		return;
	}
	if (w->unsent >= WEB_UNSENT_MAX) {
		refuse(a, MHD_HTTP_SERVICE_UNAVAILABLE, "too much waits for clients that read slowly: try again");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (strcmp(routes[i].path, path) == 0) {
			routes[i].give(w, c, a);
			return;
		}
	refuse(a, MHD_HTTP_NOT_FOUND, "there is /, /metrics, /status.json and /history.json");
}

/* --- how it is sent ------------------------------------------------------------------------------------------- */

static void add_headers(struct MHD_Response *r, const struct answer *a)
{
	static const char *const headers[][2] = {
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
	};
	char policy[512];

	MHD_add_response_header(r, "Content-Type", a->type);
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		MHD_add_response_header(r, headers[i][0], headers[i][1]);
	if (a->nonce[0])
		snprintf(policy, sizeof(policy),
			 "default-src 'none'; script-src 'nonce-%1$s'; style-src 'nonce-%1$s'; connect-src 'self'; img-src data:; "
			 "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			 a->nonce);
	else
		snprintf(policy, sizeof(policy), "default-src 'none'; frame-ancestors 'none'");
	MHD_add_response_header(r, "Content-Security-Policy", policy);
	if (a->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, "Allow", "GET, HEAD");
}

static void on_sent(void *arg)
{
	struct body *b = arg;

	b->web->unsent -= b->size;
	free(b->buf);
	free(b);
}

/* Takes the text. NULL: out of memory. */
static struct MHD_Response *response_of(struct web *w, struct text *t)
{
	struct body *b = t->failed ? NULL : malloc(sizeof(*b));
	struct MHD_Response *r = NULL;

	if (b) {
		*b = (struct body){ .web = w, .buf = t->buf, .size = t->size };
		r = MHD_create_response_from_buffer_with_free_callback_cls(t->len, t->buf, on_sent, b);
	}
	if (!r) {
		free(b);
		text_free(t);
		return NULL;
	}
	w->unsent += b->size;
	return r;
}

static enum MHD_Result send_answer(struct web *w, struct MHD_Connection *c, struct answer *a)
{
	struct MHD_Response *r = response_of(w, &a->body);
	enum MHD_Result sent;

	if (!r)
		return MHD_NO;
	add_headers(r, a);
	sent = MHD_queue_response(c, a->status, r);
	MHD_destroy_response(r);
	return sent;
}

/* A body that is sent along is not read: the answer closes the connection. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_size, void **state)
{
	static int begun;
	struct answer a = { .status = MHD_HTTP_OK, .type = PLAIN_TYPE };

	(void)version, (void)upload, (void)upload_size;
	if (!*state && strcmp(method, "GET") == 0) { /* its headers are there; the answer comes with the next call */
		*state = &begun;
		return MHD_YES;
	}
	answer_to(arg, c, path, method, &a);
	return send_answer(arg, c, &a);
}

/* --- the server --------------------------------------------------------------------------------------------------- */

struct web *web_open(int fd, const struct web_config *config)
{
	_cleanup_close_ int owned = fd;
	struct web *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->config = *config;
	w->server = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, w, MHD_OPTION_LISTEN_SOCKET, fd,
				     MHD_OPTION_CONNECTION_LIMIT, (unsigned int)WEB_CONNECTIONS,
				     MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int)WEB_CONNECTIONS_EACH,
				     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)WEB_PATIENCE_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_STRICT_FOR_CLIENT, 1,
				     MHD_OPTION_END);
	if (!w->server) {
		free(w);
		return NULL;
	}
	(void)TAKE_FD(owned); /* the server's from now on */
	return w;
}

void web_close(struct web *w)
{
	MHD_stop_daemon(w->server);
	free(w);
}

int web_fd(const struct web *w)
{
	return MHD_get_daemon_info(w->server, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int web_wait_ms(const struct web *w)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(w->server, &ms) != MHD_YES)
		return -1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

void web_run(struct web *w)
{
	MHD_run(w->server);
}
