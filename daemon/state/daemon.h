/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* divvyd's state, in one place. Each room and each file of daemon/ owns the part that its header describes. */

#include "asked.h"
#include "datapath/backpressure.h"
#include "datapath/burstwatch.h"
#include "datapath/dataplane.h"
#include "datapath/demandloop.h"
#include "datapath/drain.h"
#include "datapath/look.h"
#include "datapath/nicmeter.h"
#include "datapath/others.h"
#include "datapath/portspeed.h"
#include "datapath/portwatch.h"
#include "datapath/queuewatch.h"
#include "datapath/repairs.h"
#include "datapath/sample.h"
#include "datapath/sentcount.h"
#include "datapath/speedwatch.h"
#include "datapath/undivided.h"
#include "kernel/vmm/records.h"
#include "plan/plan.h"
#include "slots/slots.h"

#include <sys/stat.h>
#include <systemd/sd-event.h>

/* Room for a line that a person is told. */
#define DAEMON_WHY_SIZE 320

struct daemon_options {
	const char *config;  /* the system's specification file; need not exist */
	const char *state;   /* directory, survives a reboot */
	const char *runtime; /* directory of the socket */
	const char *socket;  /* path of the control socket; NULL: divvy.sock in runtime */
	bool restore;        /* restore.h, and no more */
	const char *group;   /* its members may use the control socket besides root; NULL: root alone */
	const char *read_group; /* its members may use what changes nothing; NULL: no such group */
};

/* Where the running specification came from. */
enum origin {
	ORIGIN_NONE,
	ORIGIN_FILE,    /* options.config, unchanged since */
	ORIGIN_APPLIED, /* `divvy apply` or `divvy set`: kept over a restart, differs from the file */
};

/* What the latest comparison of the system's file with what runs has found; see state_differs(). */
struct file_view {
	bool valid;
	struct stat file; /* as it was then; st_ino 0: there was none */
	bool differs;
};

struct daemon {
	struct daemon_options options;
	sd_event *event;

	struct host host;
	struct records *records; /* what managers write down of the VMs of host; owned */
	struct dataplane plane;
	struct backpressure backpressure;
	struct others others;
	const struct rtnl *events_socket; /* the loop's; NULL: no event is heard yet */
	struct look look; /* at plane and plan, with repairs */
	struct repairs repairs;
	struct undivided undivided;
	struct sampler sampler;
	struct nicmeter nicmeter;   /* read while the CPU is scheduled */
	struct sentcount sentcount; /* what was told of packets sent */
	struct portwatch portwatch;
	struct portspeed speeds;       /* of uplinks whose capacity is a part of it */
	struct speedwatch *speedwatch; /* NULL: they are read with each change only */
	struct burstwatch burstwatch;
	struct warning_list told;   /* what the log has had, and still holds */
	struct drain drain;
	struct demandloop *demandloop; /* owned */
	struct promises promises;      /* by its readings */
	struct nftwatch *nftwatch;
	struct queuewatch *queuewatch; /* NULL: the kernel does not tell of queues */
	sd_event_source *settle_timer; /* when a vNIC that is being set up may be attached to; owned by the loop */
	struct asked asked_for;
	struct events *events;         /* what clients that watch are told; owned */
	struct slots *slots; /* NULL: the running model does not schedule the CPU */

	struct plan plan; /* what runs */
	uint64_t plans;   /* how many have run until now, this one included */
	enum origin origin;
	uint64_t file_hash;    /* of options.config when the model was last taken from it or over it */
	struct file_view file; /* invalid after each change of model or origin */

	/* Why devices are scheduled although the CPU was asked for at the start; or "". */
	char not_cpu[SLOTS_WHY_SIZE];
	struct schedule asked; /* then: what was asked for, and is kept for the next start */
	/* What of the state cannot be used, and where it is kept; or "". Until the next change. */
	char state_lost[DAEMON_WHY_SIZE];
	/* How the system's file was no reason at the start to run anything else: gone, blank, or wrong; or "". Until then, too. */
	char not_file[DAEMON_WHY_SIZE];
	bool as_found;         /* so what ran is not known: the kernel's objects are left alone (found.h) */
	bool records_lost;     /* at the start: no state of this boot tells of hooks and send buffers */
	char unsaved[DAEMON_WHY_SIZE]; /* why what runs would not survive a restart; or "" */
	uint64_t saved_hash;   /* of the text that was saved last; 0: none was */
	bool unusable_state;   /* the file that cannot be used is still in its place: it is not replaced */
	bool unrecovered;      /* a VM may be paused since an earlier divvyd: it is tried again */
	int vms_error;         /* why the latest look for VMs failed, negative errno; 0: it did not */
	bool containers_stale; /* the host has the containers of a model that does not run */
	bool took_memory;      /* for an answer or a plan, since the latest audit (loop.c) */
	bool keeps_memory;     /* that was taken between the two audits before that */
	bool unreconciled;     /* the latest reconcile_host() failed: the plan is not the host's */
	bool complained;       /* and the log says so */
	uint64_t complaint_ns; /* when it last did, CLOCK_MONOTONIC; 0: never */
};
