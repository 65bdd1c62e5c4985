/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A scenario as its file says it, before it means anything. Inside scenario*.c only. */

#include "lab/proc/proc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_list {
	void *items; /* owned */
	size_t n;
};

/* Texts are owned; NULL where the file says nothing. */
struct raw_vm {
	char *name, *traffic, *receives, *rate, *nic, *kind, *qdisc;
	uint32_t size, streams;
	bool ping;
};

struct raw_phase {
	char *name, *scheduler, *action, *backpressure, *schedule;
	struct raw_list shares;  /* of uint32_t */
	struct raw_list reserves; /* of uint32_t, Mbit/s */
	struct raw_list senders; /* of char *, owned */
	uint32_t seconds;
	bool idle;
};

struct raw_under {
	char *name, *scheduler, *backpressure, *schedule;
	struct raw_list senders; /* of char *, owned; instead of the step's */
	bool full, idle;
};

struct raw {
	char *name, *title, *section, *wire, *capacity, *topology;
	uint32_t repeat, queue, quick, pin;
	bool pin_devices;
	struct raw_list figures; /* of uint32_t */
	struct raw_list vms;    /* of struct raw_vm, at least one */
	struct raw_list phases; /* of struct raw_phase, at least one */
	struct raw_list under;  /* of struct raw_under; none: each phase names its scheduler */
};

struct scenario;
struct scenario_phase;

/* scenario_phases.c: the phases of a run. s->vms are there. 0, -EINVAL, -ENOMEM with a text. */
int convert_phases(struct raw *raw, struct scenario *s, struct errtext *e);
/* Free what a phase owns. */
void phase_free(struct scenario_phase *p);

/* 0, or negative errno with "FILE:LINE: what" as text; *out is to be freed with raw_free() either way. */
int raw_load(const char *path, struct raw *out, struct errtext *e);
void raw_free(struct raw *r);
