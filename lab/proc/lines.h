/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a program or a guest says, line by line, served by loop.h. */

#include "proc.h"

#define LINES_SIZE 8192 /* bytes; a longer line is dropped */

struct lines {
	/* The caller's, set before it is opened: */
	/* A line came, without its newline, at that time (CLOCK_MONOTONIC). May not call lines_close(). */
	void (*said)(void *arg, const char *line, uint64_t at_ns);
	/* No more will come; the descriptor is closed already. NULL: nothing to do. */
	void (*ended)(void *arg);
	void *arg;

	int fd; /* -1: closed; to be set where lines_close() may come before lines_open() */
	size_t fill;
	char buf[LINES_SIZE];
};

/* Take a descriptor over (emptied on success). 0, or negative errno of loop_add() with a text; l->fd is -1 then. */
int lines_open(struct lines *l, int *fd, struct errtext *e);
/* The same for a new pipe, whose other end is the caller's, for a program to write to. */
int lines_pipe(struct lines *l, int *write_end, struct errtext *e);
/* Hear no more. Twice is fine. */
void lines_close(struct lines *l);

/* The last line of a file, without its newline; a longer one is cut at its front. "": there is none. */
void lines_last(int fd, char *line, size_t size);
