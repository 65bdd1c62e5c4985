/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Why a device waits, or why its VM is not held back: a code for decisions, with a line for a person beside it.
 * The lines are one table in reason.c.
 */

enum reason_code {
	REASON_NONE,
	/* The device waits. */
	REASON_NO_VM,          /* no VM of that name */
	REASON_NO_MAC,         /* no vNIC of that MAC address */
	REASON_SEVERAL_OF_VM,  /* several processes have a VM of that name, and none is bound already */
	REASON_SEVERAL_OF_MAC, /* several vNICs have that MAC address */
	REASON_UNSEEN_VM,      /* no VM of that name is seen, and divvyd may not look into all processes */
	REASON_UNSEEN_MAC,     /* likewise, no vNIC of that MAC address */
	REASON_NO_CONTAINER,   /* no veth that leads to it */
	REASON_NO_MATCH,       /* nothing fits the pattern */
	REASON_TIED,           /* the pattern of another device is as specific */
	REASON_ELSEWHERE,      /* its vNICs lead to another uplink */
	REASON_ASTRAY,         /* it cannot be told to which uplink its vNIC leads */
	REASON_NO_LINK,        /* no interface of that name */
	REASON_NOT_VNIC,       /* the interface cannot be scheduled */
	REASON_NOT_OPEN,       /* no process has the tap open */
	REASON_DOWN,           /* a VM has the tap open, and it is set down */
	REASON_NO_CARRIER,     /* likewise, and its VM has taken the carrier away (TUNSETCARRIER) */
	REASON_CLAIMED,        /* another device of the specification has the vNIC */
	REASON_NFT_HOOK,       /* an nft hook would be passed by */
	REASON_NFT_UNKNOWN,    /* nft could not be asked for hooks */
	REASON_VANISHED,       /* the interface went away while divvyd attached to it */
	REASON_NO_ATTACH,      /* the kernel refused the filter */
	REASON_NO_EGRESS,      /* no filter can stand at its egress */
	REASON_SETTLING,       /* the vNIC's manager is still setting it up: for a moment */
	/* The device is bound, without backpressure. */
	REASON_OFF,            /* the specification says so */
	REASON_NO_SNDBUF,      /* the interface has no send buffer on the host's side */
	REASON_NO_PROCESS,     /* no process was found behind the tap */
	REASON_UNSEEN_PROCESS, /* likewise, and divvyd may not look into all processes */
	REASON_LOWER,          /* a macvtap's packets do not wait in front of divvy */
	REASON_VMM,            /* the VMM does not wait, or is not known to wait */
	N_REASONS,
};

#define REASON_TEXT_SIZE 256

struct reason {
	enum reason_code code;
	char text[REASON_TEXT_SIZE]; /* one line without a final newline; "" for REASON_NONE */
};

/*
 * Fill *r. a, b and c stand for @1, @2 and @3 of the code's line in the table; those that the line does not
 * use may be NULL. A line that is too long is cut.
 */
void reason_set(struct reason *r, enum reason_code code, const char *a, const char *b, const char *c);
