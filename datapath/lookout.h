/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reads what undivided.h compares, and says in words what keeps the packets of a vNIC. While the host
 * receives next to nothing, a look is one small file of /proc; else it is one dump of the interfaces'
 * counters. The classifier is asked for vNICs that received something, and
 * qdiscs are dumped while a vNIC is suspected or undivided.
 */

#include "dataplane.h"
#include "others.h"
#include "plan/host.h"
#include "undivided.h"

/* Borrowed. */
struct lookout_input {
	const struct dataplane *plane;
	const struct host *host;
	int softnet; /* kernel/proc/softnet.h; negative: not known, and no look is skipped */
};

/* v: borrowed for the call. */
typedef void (*lookout_cb)(struct undivided_vnic *v, enum undivided_change change, void *arg);

/*
 * Look at the vNICs that divvy is on. cb: called for each that is no longer divided, or is again. 0, or
 * negative errno: what was known stays.
 */
int lookout_look(struct undivided *u, const struct lookout_input *in, uint64_t now_ns, lookout_cb cb,
		 void *arg);

#define LOOKOUT_TEXT_SIZE 192

/* "filter u32 pref 10", "tcx program allow"; "": nothing is known. At egress the kernel is asked. Returns buf. */
const char *lookout_first(const struct undivided_vnic *v, const struct lookout_input *in, const struct others *o,
			  char buf[OTHERS_TEXT_SIZE]);
/*
 * "not divided: filter u32 pref 10 keeps the packets", and how many. first: as above. Returns buf.
 */
const char *lookout_text(const struct undivided_vnic *v, const char *first, char buf[LOOKOUT_TEXT_SIZE]);
/* The same where undivided_known() says no: "not known whether it is divided: ...", for how long. Returns buf. */
const char *lookout_unknown_text(const struct undivided_vnic *v, uint64_t now_ns, char buf[LOOKOUT_TEXT_SIZE]);
/* "hook: first would go before it"; "" where nothing is to be said. place: of divvy's filter. */
const char *lookout_hint(const struct undivided_vnic *v, const char *first, enum hook_place place);
