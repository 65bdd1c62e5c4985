/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What `divvy top` knows: a row for each uplink, network and device of divvyd's status, and what each row delivered in
 * the last minute. Rows stand in the order of the specification, each behind the row that holds it. What was not
 * measured is NAN, and never 0.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define TOP_HISTORY 60 /* readings that are kept, one a second */
#define TOP_NONE UINT32_MAX
#define TOP_LATELY_NS 60000000000ULL /* so old a violation is still seen in the state */

enum top_kind { TOP_UPLINK, TOP_NETWORK, TOP_DEVICE };

enum top_direction { TOP_TX, TOP_RX, TOP_DIRECTIONS };

/* In the order of how bad it is. A network and an uplink have the worst of what they hold. */
enum top_state {
	TOP_BOUND,
	TOP_MAY_DROP,  /* bound, without backpressure */
	TOP_RX_WAITING, /* bound, but what it receives is not divided, and should be */
	TOP_WAITING,
	TOP_VIOLATED,  /* it got less than it was promised, lately */
	TOP_ABSENT,    /* an uplink: there is no such interface now */
	TOP_UNDIVIDED, /* bound, and its packets pass divvy by */
};

struct top_flow {
	bool divided;     /* false: this direction is left alone, and the rest means nothing */
	bool waiting;     /* of a device: it shall be divided in this direction, and is not; why says why */
	const char *why;  /* ""; borrowed of the answer */
	bool own;         /* the status says what it is entitled to; else it is the sum of what is below */
	double entitled;  /* bit/s; an uplink's: its capacity. While the CPU is scheduled: percent of a core */
	double delivered; /* the same */
	uint64_t dropped; /* packets, cumulative */
	bool dropping;    /* it grew since the reading before */
	uint64_t violations;  /* windows in which it got less than it was promised, cumulative; an uplink's: of its devices */
	uint64_t violated_ns; /* the latest one's end, CLOCK_MONOTONIC; 0: there was none */
	double settled_ms;    /* after the latest change; NAN: not known */
	float history[TOP_HISTORY]; /* delivered, the newest last; NAN: not known, or before the first reading */
};

struct top_row {
	enum top_kind kind;
	char *name;          /* owned: full name, as `divvy set` takes it, without the uplink's */
	const char *label;   /* the last part of it; borrowed of name */
	uint32_t uplink;     /* row of its uplink */
	uint32_t parent;     /* TOP_NONE: an uplink */
	unsigned int depth;  /* 0: an uplink */
	uint32_t before;     /* its row in the reading before; TOP_NONE: it is new */
	uint32_t devices, waiting, undivided; /* that it holds; of a device: itself */
	uint32_t violated;   /* devices and networks that it holds, and itself */
	int64_t share;       /* 0: it has none, or it is not known */
	double reserve, limit; /* bit/s; NAN: it has none */
	double error_pp;     /* NAN: not known */
	enum top_state state;
	struct top_flow flow[TOP_DIRECTIONS];
	const char *nic, *why; /* "" where there is none; borrowed of the answer */
	const char *vm;        /* the same */
	uint64_t cpu_entitled_ns, cpu_used_ns; /* while the CPU is scheduled: cumulative */
	bool folded;           /* what it holds is not shown; kept from reading to reading */
};

struct top_rows {
	struct top_row *list; /* owned */
	size_t n;
	json_t *status;       /* owned: divvyd's answer, which rows borrow from */
	bool cpu;             /* CPU time is scheduled, not devices */
	bool directions[TOP_DIRECTIONS]; /* which are divided anywhere */
	bool reserves, limits; /* whether any row has one */
	uint64_t at_ns;       /* when the answer was made, CLOCK_MONOTONIC */
};

void toprows_free(struct top_rows *r);

/*
 * Reads divvyd's status, which is taken. before: the reading before, or an empty one; not changed. 0: *out is the
 * caller's to free; -ENOMEM: *out is untouched.
 */
int toprows_read(json_t *status, const struct top_rows *before, struct top_rows *out);

/* The row of the new reading that was row i of the one before; TOP_NONE: it is gone. */
uint32_t toprows_now(const struct top_rows *r, uint32_t i);
