/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What happens and an operator wants to know, told once: as a line of the log, and, with what it is about, to one
 * listener (daemon/state/events.h). So the log and `divvy watch` say the same. Used by one thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

enum event_kind {
	EVENT_BIND,        /* a vNIC is divided from now on */
	EVENT_UNBIND,      /* it is no longer */
	EVENT_WAITING,     /* a device waits, and for what */
	EVENT_CHANGE,      /* apply, set or release */
	EVENT_REFUSED,     /* one of them was asked for, and not done */
	EVENT_REPAIRED,    /* another program removed or changed something of divvy's */
	EVENT_NOT_DIVIDED, /* a bound vNIC's packets do not come to divvy */
	EVENT_DIVIDED,     /* they do again */
	EVENT_VIOLATION,   /* a device got less than it was promised */
	EVENT_SETTLED,     /* after a change, all get what they are entitled to */
	EVENT_WARNING,     /* what is likely a mistake */
	N_EVENT_KINDS,
};

/* "bind", "not-divided" and so on, by enum event_kind. */
extern const char *const event_names[N_EVENT_KINDS];

/* text NULL: the number counts. key NULL: no field. */
struct event_field {
	const char *key;
	const char *text;
	int64_t number;
};

#define EVENT_FIELDS_MAX 6
/* The log's priority of an event that the log does not have. */
#define EVENT_UNLOGGED (-1)
#define EVENT_TEXT_SIZE 1024

/* All is borrowed for the call. */
struct event {
	enum event_kind kind;
	int priority;        /* of syslog(3), or EVENT_UNLOGGED */
	const char *device;  /* full name of the device or network; NULL: it is about none */
	const char *uplink;  /* NULL: about none, or about all */
	const char *nic;     /* name of the interface; NULL: about none */
	const char *direction; /* "tx": what VMs send; "rx": what they receive; NULL: about none, or about both */
	struct event_field fields[EVENT_FIELDS_MAX];
};

/* text: the line of the log, which names what it is about; what does not print is escaped (printable.h). */
typedef void event_listener(void *arg, const struct event *e, const char *text);

/* fn NULL: there is none from now on. arg is borrowed until then. */
void event_listen(event_listener *fn, void *arg);
/* Log and tell. fmt is without a final newline; a text that does not fit EVENT_TEXT_SIZE is cut. */
void event_tell(const struct event *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
