/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* divvyd's state, in one place. Each file of daemon/ owns the part that its header describes. */

#include "datapath/backpressure.h"
#include "slots/slots.h"
#include "datapath/apply.h"
#include "plan/host.h"
#include "plan/classids.h"
#include "datapath/sample.h"
#include "spec/spec.h"

#include <systemd/sd-event.h>

struct control;

struct daemon_options {
	const char *config;  /* the system's specification file; need not exist */
	const char *state;   /* directory, survives a reboot */
	const char *runtime; /* directory of the socket */
	const char *socket;  /* path of the control socket; NULL: divvy.sock in runtime */
	const char *group;   /* members may use the control socket besides root; NULL: nobody */
};

/* Where the running specification came from. */
enum origin {
	ORIGIN_NONE,
	ORIGIN_FILE,    /* options.config, unchanged since */
	ORIGIN_APPLIED, /* `divvy apply` or `divvy set`: kept over a restart, differs from the file */
};

struct daemon {
	struct daemon_options options;
	sd_event *event;

	struct host host;
	struct dataplane plane;
	struct backpressure backpressure;
	struct sampler sampler;
	struct minors minors_table;

	struct model model; /* running */
	enum origin origin;
	uint64_t file_hash;       /* of options.config when the model was last taken from or over it */
	struct binding *bindings; /* one a node */
	uint16_t *minors;         /* one a node */
	struct tree want;
	/* Why devices are scheduled although the CPU was asked for at the start; or "". */
	char not_cpu[SLOTS_WHY_SIZE];
	struct schedule asked; /* then: what was asked for, and is kept for the next start */
	bool unreconciled; /* the latest reconcile_host() failed: bindings and want are not the host's */

	struct rtnl *link_events;
	sd_event_source *reconcile_timer, *rescan_timer, *drain_timer, *second_timer;
	unsigned int rescan_stage;
	bool look_again; /* an event came between the first two looks at /proc */
	unsigned int seconds; /* since start */
	unsigned int watched_until;

	struct control *control;
	struct slots *cpu; /* while the running model schedules CPUs */
};
