/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A stand-in for divvyd, for tests of its clients: it takes one connection at $DIVVY_SOCKET, keeps the first
 * line that the client sends, answers with a fixed text and closes.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct fake_divvyd {
	const char *answer;  /* borrowed */
	size_t size;         /* of the answer, bytes */
	bool deaf;           /* answers and closes without reading */
	char request[65536]; /* up to the newline; empty: none came */
	char dir[32], path[64];
	int fd;
	pthread_t thread;
};

static inline void fake_read(struct fake_divvyd *f, int peer)
{
	size_t n = 0;

	while (n < sizeof(f->request) - 1 && recv(peer, f->request + n, 1, 0) == 1 && f->request[n] != '\n')
		n++;
	f->request[n] = '\0';
}

static inline void *fake_run(void *arg)
{
	struct fake_divvyd *f = arg;
	int peer = accept(f->fd, NULL, NULL);

	if (peer < 0)
		return NULL;
	if (!f->deaf)
		fake_read(f, peer);
	for (size_t sent = 0; sent < f->size;) {
		ssize_t n = send(peer, f->answer + sent, f->size - sent, MSG_NOSIGNAL);

		if (n < 0)
			break;
		sent += (size_t)n;
	}
	close(peer);
	return NULL;
}

/* The caller has set answer, size and deaf. */
static inline void fake_start(struct fake_divvyd *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	strcpy(f->dir, "/tmp/divvy-fake-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/divvy.sock", f->dir);
	strcpy(addr.sun_path, f->path);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(f->fd, 1), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, fake_run, f), 0);
	setenv("DIVVY_SOCKET", f->path, 1);
}

/* Afterwards f->request does not change. */
static inline void fake_stop(struct fake_divvyd *f)
{
	shutdown(f->fd, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->fd);
	unlink(f->path);
	rmdir(f->dir);
	unsetenv("DIVVY_SOCKET");
}
