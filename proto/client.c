// SPDX-License-Identifier: GPL-2.0-or-later
#include "client.h"
#include "waiting.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Bytes by which the buffer of answers begins; it doubles as an answer needs it. */
#define BUFFER_MIN (64 * 1024)

static unsigned int patience_s = CLIENT_TIMEOUT_S;

void client_give_up_after(unsigned int seconds)
{
	patience_s = seconds;
}

/* CLOCK_MONOTONIC; UINT64_MAX: never. */
static uint64_t deadline(void)
{
	return patience_s ? clock_now_ns() + patience_s * NSEC_PER_SEC : UINT64_MAX;
}

/* Waits for events of poll(2). 0; -ETIMEDOUT; negative errno. */
static int wait_until(int fd, short events, uint64_t until_ns)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		uint64_t now = clock_now_ns();
		struct timespec left = { .tv_sec = until_ns > now ? (time_t)((until_ns - now) / NSEC_PER_SEC) : 0,
					 .tv_nsec = until_ns > now ? (long)((until_ns - now) % NSEC_PER_SEC) : 0 };
		int n = ppoll(&p, 1, until_ns == UINT64_MAX ? NULL : &left, NULL);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static const char *socket_path(void)
{
	const char *path = getenv(PROTO_SOCKET_ENV);

	return path && path[0] ? path : PROTO_SOCKET;
}

static int give_up(int fd, const char *path, struct spec_error *err)
{
	char text[sizeof(err->text)];

	waiting_explain(fd, path, patience_s, text, sizeof(text));
	return spec_fail(err, -ETIMEDOUT, "%s", text);
}

int client_open(struct client *c, struct spec_error *err)
{
	struct timeval patience = { .tv_sec = patience_s };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = socket_path();
	_cleanup_close_ int fd = -1;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return spec_fail(err, -ENAMETOOLONG, "socket path is too long: %s", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* connect(2) waits while too many others do, for as long as a send may take. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		r = -errno;
		if (r == -EAGAIN)
			return give_up(fd, path, err);
		if (r == -EACCES)
			return spec_fail(err, r,
					 "%s: permission denied: be root, or a member of divvyd's group",
					 path);
		return spec_fail(err, r, "divvyd does not answer at %s (%s): systemctl start divvyd", path,
				 strerror(-r));
	}
	*c = (struct client){ .fd = TAKE_FD(fd), .path = path };
	return 0;
}

void client_closep(struct client *c)
{
	closep(&c->fd);
	free(c->buf);
}

static int send_all(int fd, const char *line, uint64_t until_ns)
{
	for (size_t len = strlen(line); len > 0;) {
		ssize_t n = send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r = 0;

		if (n < 0 && errno == EAGAIN)
			r = wait_until(fd, POLLOUT, until_ns);
		if (r < 0)
			return r;
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		line += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Receives up to the next newline. 0: *len is the length of the line at c->buf, without its newline. */
static int read_line(struct client *c, uint64_t until_ns, size_t *len)
{
	size_t searched = 0;
	int r;

	for (;;) {
		char *end = c->len > searched ? memchr(c->buf + searched, '\n', c->len - searched) : NULL;
		ssize_t n;

		if (end) {
			*len = (size_t)(end - c->buf);
			return 0;
		}
		searched = c->len;
		if (c->len >= PROTO_ANSWER_MAX)
			return -EMSGSIZE;
		if (c->len == c->size) {
			size_t size = c->size ? 2 * c->size : BUFFER_MIN;
			char *bigger = realloc(c->buf, size);

			if (!bigger)
				return -ENOMEM;
			c->size = size;
			c->buf = bigger;
		}
		r = wait_until(c->fd, POLLIN, until_ns);
		if (r < 0)
			return r;
		n = recv(c->fd, c->buf + c->len, c->size - c->len, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		c->len += (size_t)n;
	}
}

static void drop_line(struct client *c, size_t len)
{
	c->len -= len + 1;
	memmove(c->buf, c->buf + len + 1, c->len);
}

int client_ask(struct client *c, const char *verb, json_t *args, json_t **result, struct spec_error *err)
{
	_cleanup_free_ char *line = proto_request_line(++c->id, verb, args);
	uint64_t until_ns = deadline();
	size_t len = 0;
	int r;

	if (!line)
		return spec_no_memory(err);
	if (strlen(line) > PROTO_LINE_MAX)
		return spec_fail(err, -EMSGSIZE, "the request is larger than 1 MiB");
	/* divvyd may have answered and closed (a refusal, say) before it read the request. */
	r = send_all(c->fd, line, until_ns);
	if (r >= 0 || r == -EPIPE || r == -ECONNRESET)
		r = read_line(c, until_ns, &len);
	if (r == -ETIMEDOUT)
		return give_up(c->fd, c->path, err);
	if (r == -ENOMEM)
		return spec_no_memory(err);
	if (r == -EMSGSIZE)
		return spec_fail(err, r, "the answer is larger than 16 MiB");
	if (r < 0)
		return spec_fail(err, r, "divvyd closed the connection: %s", strerror(-r));
	r = proto_parse_answer(c->buf, len, c->id, result, err);
	drop_line(c, len);
	return r;
}

int client_next(struct client *c, json_t **event, struct spec_error *err)
{
	size_t len = 0;
	int r = read_line(c, UINT64_MAX, &len);

	if (r == -ENOMEM)
		return spec_no_memory(err);
	if (r == -ECONNRESET)
		return spec_fail(err, r, "divvyd has closed the connection");
	if (r < 0)
		return spec_fail(err, r, "divvyd closed the connection: %s", strerror(-r));
	r = proto_parse_event(c->buf, len, c->id, event, err);
	drop_line(c, len);
	return r;
}

int client_once(const char *verb, json_t *args, json_t **result, struct spec_error *err)
{
	_cleanup_(client_closep) struct client c = { .fd = -1 };
	int r = client_open(&c, err);

	if (r < 0) {
		json_decref(args);
		return r;
	}
	return client_ask(&c, verb, args, result, err);
}
