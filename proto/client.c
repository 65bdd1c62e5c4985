// SPDX-License-Identifier: GPL-2.0-or-later
#include "client.h"

#include "cli/cli.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char *socket_path(void)
{
	const char *path = getenv(PROTO_SOCKET_ENV);

	return path && path[0] ? path : PROTO_SOCKET;
}

int client_open(struct client *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = socket_path();
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		complain("socket path is too long: %s", path);
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = errno;
		if (err == EACCES)
			complain("%s: permission denied: be root, or a member of divvyd's group", path);
		else
			complain("divvyd does not answer at %s (%s): systemctl start divvyd", path,
				 strerror(err));
		return -err;
	}
	*c = (struct client){ .fd = TAKE_FD(fd) };
	return 0;
}

void client_closep(struct client *c)
{
	closep(&c->fd);
	free(c->buf);
}

static int send_all(int fd, const char *line)
{
	for (size_t len = strlen(line); len > 0;) {
		ssize_t n = send(fd, line, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		line += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Length of the next line in c->buf, without its newline. */
static int read_line(struct client *c, size_t *len)
{
	for (;;) {
		char *end = c->len ? memchr(c->buf, '\n', c->len) : NULL;
		ssize_t n;

		if (end) {
			*len = (size_t)(end - c->buf);
			return 0;
		}
		if (c->len == c->size) {
			char *bigger = realloc(c->buf, c->size ? 2 * c->size : 65536);

			if (!bigger)
				return -ENOMEM;
			c->size = c->size ? 2 * c->size : 65536;
			c->buf = bigger;
		}
		n = recv(c->fd, c->buf + c->len, c->size - c->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		c->len += (size_t)n;
	}
}

int client_ask(struct client *c, const char *verb, json_t *args, json_t **result, struct spec_error *err)
{
	_cleanup_free_ char *line = proto_request_line(++c->id, verb, args);
	size_t len = 0;
	int r;

	*err = (struct spec_error){ 0 };
	if (!line)
		return -ENOMEM;
	if (strlen(line) > PROTO_LINE_MAX) {
		snprintf(err->text, sizeof(err->text), "the request is larger than 1 MiB");
		return -EMSGSIZE;
	}
	/* A refusal may be waiting although the request cannot be sent any more. */
	r = send_all(c->fd, line);
	if (r >= 0 || r == -EPIPE || r == -ECONNRESET)
		r = read_line(c, &len);
	if (r < 0) {
		snprintf(err->text, sizeof(err->text), "divvyd closed the connection: %s", strerror(-r));
		return r;
	}
	r = proto_parse_answer(c->buf, len, c->id, result, err);
	c->len -= len + 1;
	memmove(c->buf, c->buf + len + 1, c->len);
	return r;
}

int client_once(const char *verb, json_t *args, json_t **result)
{
	_cleanup_(client_closep) struct client c = { .fd = -1 };
	struct spec_error err;
	int r = client_open(&c);

	if (r < 0) {
		json_decref(args);
		return r;
	}
	r = client_ask(&c, verb, args, result, &err);
	if (r < 0)
		complain("%s", err.text);
	return r;
}
