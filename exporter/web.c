// SPDX-License-Identifier: GPL-2.0-or-later
#include "web.h"
#include "metrics.h"
#include "origin.h"
#include "page.h"
#include "seats.h"

#include "base/cleanup.h"

#include <limits.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define JSON_TYPE "application/json"
#define PLAIN_TYPE "text/plain; charset=utf-8"
/* Connections beyond WEB_CONNECTIONS, until those that have to leave are closed. */
#define LEAVING 16
/* Of an answer, copied for the kernel at a time, bytes. */
#define BLOCK (64 * 1024)

struct web {
	struct MHD_Daemon *server;
	struct web_config config;
	struct seats seats;
};

/* What is sent of a seat's answer: nothing more, once the seat has to leave. */
struct body {
	struct web *web;
	struct seat *seat; /* borrowed: the connection's, which outlives its answers */
	size_t len;
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

static ssize_t read_body(void *arg, uint64_t at, char *buf, size_t max)
{
	const struct body *b = arg;
	size_t n = at < b->len ? b->len - (size_t)at : 0;

	if (!b->seat->text)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > max)
		n = max;
	memcpy(buf, b->seat->text + at, n);
	return (ssize_t)n;
}

static void on_sent(void *arg)
{
	struct body *b = arg;

	seats_drop(&b->web->seats, b->seat);
	free(b);
}

/* Takes the text. NULL: out of memory. */
static struct MHD_Response *response_of(struct web *w, struct seat *s, struct text *t)
{
	struct body *b = t->failed ? NULL : malloc(sizeof(*b));
	struct MHD_Response *r = NULL;

	if (b) {
		*b = (struct body){ .web = w, .seat = s, .len = t->len };
		r = MHD_create_response_from_callback(t->len, BLOCK, read_body, b, on_sent);
	}
	if (!r) {
		free(b);
		text_free(t);
		return NULL;
	}
	seats_hold(&w->seats, s, t->buf, t->size);
	return r;
}

static enum MHD_Result send_answer(struct web *w, struct MHD_Connection *c, struct seat *s, struct answer *a)
{
	struct MHD_Response *r = response_of(w, s, &a->body);
	enum MHD_Result sent;

	if (!r)
		return MHD_NO;
	add_headers(r, a);
	sent = MHD_queue_response(c, a->status, r);
	MHD_destroy_response(r);
	return sent;
}

/* The server closes the connection when it sees the end. */
static void leave(struct web *w, struct seat *s)
{
	seats_remove(&w->seats, s);
	shutdown(s->fd, SHUT_RDWR);
}

/* A body that is sent along is not read: the answer closes the connection. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct seat *s = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context, *other;
	struct answer a = { .status = MHD_HTTP_OK, .type = PLAIN_TYPE };
	static int begun;
	struct web *w = arg;

	(void)version, (void)upload, (void)upload_size;
	if (!s || !s->seated) /* out of memory, or it has to leave */
		return MHD_NO;
	if (!*state && strcmp(method, "GET") == 0) { /* its headers are there; the answer comes with the next call */
		*state = &begun;
		return MHD_YES;
	}
	seats_put(&w->seats, s);
	while ((other = seats_full(&w->seats, WEB_UNSENT_MAX, s)))
		leave(w, other);
	answer_to(w, c, path, method, &a);
	return send_answer(w, c, s, &a);
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode what)
{
	struct seat *s = *context, *other;
	struct web *w = arg;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (s)
			seats_remove(&w->seats, s);
		free(s);
		return;
	}
	s = *context = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	seats_put(&w->seats, s);
	while ((other = seats_over(&w->seats, WEB_CONNECTIONS)))
		leave(w, other);
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
				     MHD_OPTION_CONNECTION_LIMIT, (unsigned int)(WEB_CONNECTIONS + LEAVING),
				     MHD_OPTION_NOTIFY_CONNECTION, on_connection, w,
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
