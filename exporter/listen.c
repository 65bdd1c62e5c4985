// SPDX-License-Identifier: GPL-2.0-or-later
#include "listen.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 64

static int fail(int err, const char *where, char *errtext, size_t size)
{
	snprintf(errtext, size, "cannot listen on %s: %s", where, strerror(err));
	return -err;
}

static int finish(int fd, const char *where, const void *addr, socklen_t len, char *errtext, size_t size)
{
	_cleanup_close_ int owned = fd;

	if (bind(fd, addr, len) < 0 || listen(fd, BACKLOG) < 0)
		return fail(errno, where, errtext, size);
	return TAKE_FD(owned);
}

/* True: there is something at the path that is no socket, or that answers. */
static bool is_taken(const struct sockaddr_un *addr)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return false;
	return !S_ISSOCK(st.st_mode) || connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0;
}

static int listen_unix(const char *path, char *errtext, size_t size)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return fail(ENAMETOOLONG, path, errtext, size);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (is_taken(&addr))
		return fail(EADDRINUSE, path, errtext, size);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0666) < 0)
		return fail(errno, path, errtext, size);
	fd = finish(fd, path, &addr, sizeof(addr), errtext, size);
	if (fd >= 0)
		(void)chmod(path, 0666); /* whatever the umask */
	return fd;
}

/* The port behind the last colon; -1: it is none. */
static int port_of(const char *where, size_t *host_len)
{
	const char *colon = strrchr(where, ':');
	char *end = NULL;
	long port;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return -1;
	port = strtol(colon + 1, &end, 10);
	*host_len = (size_t)(colon - where);
	return *end == '\0' && port > 0 && port <= 65535 ? (int)port : -1;
}

static int listen_inet(const char *where, char *errtext, size_t size)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	size_t len = 0;
	int port = port_of(where, &len), one = 1, fd;
	bool is_six = len == 5 && strncmp(where, "[::1]", 5) == 0;
	char host[64];

	if (port < 0 || len >= sizeof(host)) {
		snprintf(errtext, size, "--listen %.200s: expected 127.0.0.1:PORT, [::1]:PORT, or the path of a socket", where);
		return -EINVAL;
	}
	memcpy(host, where, len);
	host[len] = '\0';
	if (!is_six && strcmp(host, "localhost") != 0 &&
	    (inet_pton(AF_INET, host, &four.sin_addr) != 1 || ntohl(four.sin_addr.s_addr) >> 24 != 127)) {
		snprintf(errtext, size,
			 "--listen %.200s: expected a loopback address, for what is told there is not for all: "
			 "a proxy in front of it asks who calls", where);
		return -EINVAL;
	}
	fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(errno, where, errtext, size);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	six.sin6_port = four.sin_port = htons((uint16_t)port);
	return is_six ? finish(fd, where, &six, sizeof(six), errtext, size) :
			finish(fd, where, &four, sizeof(four), errtext, size);
}

int listen_open(const char *where, char *errtext, size_t size)
{
	return where[0] == '/' ? listen_unix(where, errtext, size) : listen_inet(where, errtext, size);
}
