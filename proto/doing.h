/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What divvyd is doing now, told beside its socket: a client that gets no answer reads there why. divvyd has one
 * thread for all clients, and cannot answer while it is at work. The file is SOCKET.doing, has one line of
 * DOING_SIZE bytes, and is overwritten in place.
 */

#include <stdint.h>
#include <sys/types.h>

#define DOING_SUFFIX ".doing"
#define DOING_SIZE 64

struct doing {
	char what[24];     /* a verb, or what divvyd does by itself; "": nothing */
	pid_t by;          /* the process that asked for it; 0: none */
	uint64_t since_ns; /* CLOCK_MONOTONIC */
};

/* divvyd's side. Makes the file for this socket, readable by all. 0; -ENAMETOOLONG; negative errno of open(2). */
int doing_open(const char *socket);
/* Without doing_open() these two do nothing. what: fewer than 24 bytes of text. */
void doing_begin(const char *what, pid_t by);
void doing_end(void);
/* Removes the file. */
void doing_close(void);

/* The client's side. 0; -EBADMSG: the file holds no such line; negative errno of open(2) or read(2). */
int doing_read(const char *socket, struct doing *out);
