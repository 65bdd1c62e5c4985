/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whether a device or network gets what it is promised, by readings of what it has sent. Pure; constant time a reading,
 * and the same memory for ever. The Theory of Operation is in conform.c.
 */

#include "types.h"

/* The shortest window in which a reserve is looked at; it is also as long as CONFORM_PACKETS at the reserve take. */
#define CONFORM_RESERVE_NS (100 * NSEC_PER_MSEC)
#define CONFORM_PACKETS 64
/* Windows in which what was delivered is compared with the entitlement. */
#define CONFORM_SPAN_NS NSEC_PER_SEC
/* By so many percent of the uplink it may be below. */
#define CONFORM_BELOW_PERCENT 2
/* It has settled where this many windows in a row are within so many percent of the uplink, and two packets. */
#define CONFORM_SETTLE_NS (50 * NSEC_PER_MSEC)
#define CONFORM_SETTLE_WINDOWS 3
#define CONFORM_SETTLE_PERCENT 2
/* What lies between readings further apart than this, and than twice what is meant, was not measured. */
#define CONFORM_GAP_NS NSEC_PER_SEC

struct conform_reading {
	uint64_t now_ns;      /* of the reading; CLOCK_MONOTONIC, not 0, never going back */
	uint64_t apart_ns;    /* so far from the one before it was meant to be; 0: not known */
	uint64_t bytes;       /* sent until then */
	bool backlogged;
	struct rate entitled; /* from now on */
	struct rate reserve;  /* RATE_ZERO: there is none */
	struct rate capacity; /* the uplink's, not 0 */
	uint32_t packet;      /* the largest packet seen, bytes; 0: none was seen */
};

/* A window under way. */
struct conform_window {
	uint64_t start_ns;     /* 0: none is */
	uint64_t bytes;        /* sent at its start */
	unsigned __int128 due; /* bytes x nanoseconds a second */
};

/* Zeroed: never read. What is the caller's to read is above the line. */
struct conform {
	/* The latest whole window of CONFORM_SPAN_NS or little more. */
	uint64_t measured_ns;    /* when it ended; 0: there was none */
	struct rate delivered;   /* in it */
	struct rate entitled;    /* on average in it */
	uint64_t reserve_missed; /* windows in which it got less than its reserve */
	uint64_t below;          /* windows of CONFORM_SPAN_NS in which it got less than it was entitled to */
	uint64_t violated_ns;    /* the end of the latest of both; 0: there was none */
	struct {
		struct rate got, due;
		uint64_t over_ns;
	} violation;             /* what it was */
	uint64_t changed_ns;     /* conform_change(); 0: never */
	uint64_t settled_ns;     /* the start of the first windows since then in which it got what it is entitled to; 0: not yet */
	/* ---- */
	uint64_t at_ns; /* the latest reading; 0: what comes next is the first since it woke up */
	uint64_t gap_ns; /* by the latest reading: what lies further apart was not measured */
	uint64_t bytes;
	struct rate now, floor;  /* entitled, and of it reserved, since the latest reading */
	bool fresh;              /* no whole window with packets waiting since it woke up */
	uint64_t fresh_ns;       /* then: the first reading with packets waiting; 0: there was none */
	bool settling;           /* it was read when the specification changed, and has been since then */
	uint8_t good;            /* windows in a row */
	uint64_t good_ns;        /* the start of the first of them */
	struct conform_window reserve, entitlement, span, settle;
};

/* What a reading has shown; one of each at most. */
enum conform_news {
	CONFORM_NOTHING = 0,
	CONFORM_RESERVE_MISSED = 1,
	CONFORM_BELOW = 2,
	CONFORM_SETTLED = 4,
};

/* A reading. Returns CONFORM_ bits. */
unsigned int conform_read(struct conform *c, const struct conform_reading *r);
/* It is idle: there are no readings for a while. */
void conform_sleep(struct conform *c);
/*
 * The specification changes now: what it is entitled to from the next reading on is by the new one. How long it takes to
 * settle is measured if it is read now and until then.
 */
void conform_change(struct conform *c, uint64_t now_ns);
/* The latest window ended so lately that the next one may still be under way. Otherwise the device has been idle. */
bool conform_is_recent(const struct conform *c, uint64_t now_ns);
/* delivered less entitled, in percentage points of the uplink. */
double conform_error_pp(const struct conform *c, struct rate capacity);
