// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of Operation
 *
 * A VM that starts shows itself as a link event: its tap appears, or gets a carrier when the VMM opens it.
 * The VMM's command line is final only some time later (libvirt opens the tap and hands it on), so /proc is
 * read several times after the latest event, in growing distances (more often while a manager has a tap
 * open), and not at all while nothing happens. A further event puts off neither what is to be done nor the
 * first two looks: a link that flaps must not hold up the others. A tc event of another program on a vNIC
 * that divvy is on makes divvyd read that vNIC's filters again; mend.c puts right what it changed of divvy's
 * own. A vNIC that there is news of, by a link or tc event, is attached to when its manager has set it up
 * (datapath/settle.h). Events are read before requests are answered: what a verb changes is planned with what
 * is known. Events are lost when the socket overruns: then all is read again. What no event tells (a send
 * buffer that was undone, a vNIC that took no filter and would now) is found by an audit every AUDIT_SECONDS.
 * What failed as a whole is tried again every second. Where nothing happens and nothing is sent, divvyd rests: it wakes up
 * to read one counter of the host (datapath/undivided.h) and, every SAMPLE_SECONDS, one of each IFB, and audits once a
 * minute.
 */
#include "loop.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/reconcile/advice.h"
#include "daemon/reconcile/reconcile.h"
#include "daemon/reconcile/vms.h"
#include "datapath/absent.h"
#include "datapath/divided.h"
#include "datapath/holds.h"
#include "datapath/inventory.h"
#include "datapath/look.h"
#include "datapath/mend.h"
#include "datapath/nftwatch.h"
#include "kernel/proc/softnet.h"
#include "proto/doing.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

/*
 * A guest that attaches queues of its tap in a loop makes some 5,000 link events a second. Being woken for each is what
 * costs: so often within STORM_US they are read as they come, and then in batches.
 */
#define STORM_US 20000
#define STORM_READS 10
#define RECONCILE_DELAY_US 5000 /* events come in bursts: a VM's start is three or four */
#define OTHERS_DELAY_US 100000  /* a script sets its filters one by one */
/*
 * Not a whole number of the rounds that people write: slots_audit() can tell only of a VM that has its turn,
 * and would find the same VMs paused every time.
 */
#define SECOND_US 1017000
#define AUDIT_SECONDS 10
/*
 * At rest no event has come for so long, and no vNIC has sent to divvy. An audit's cost grows with the vNICs, and what it
 * finds that no event tells harms none but a VM that sends. So audits are as far apart as this, then. Once packets come
 * they are AUDIT_SECONDS apart again.
 */
#define REST_SECONDS 60
/* So often counters are read while no client asks: the first status needs a reading from before. */
#define SAMPLE_SECONDS 5
#define ADVICE_SECONDS 60 /* at the latest */
#define TIMER_ACCURACY_US 1000
#define HOST_WORK "changes on this host" /* for clients that wait (proto/doing.h) */
#define LOST_LINE_NS (60 * NSEC_PER_SEC) /* from one line of it in the log to the next */

/* After a link event, microseconds from one look at /proc to the next. */
static const uint64_t rescan_us[] = { 30000, 170000, 300000, 1000000, 3500000 };

/*
 * The same while a manager has a tap open that it hands to a VM, or does not yet record one that the VM has;
 * after so many looks it has forgotten the tap.
 */
#define MANAGED_US 200000
#define MANAGED_LOOKS 300

struct loop {
	struct daemon *daemon;
	struct rtnl *events;
	struct mend *mend;
	uint32_t own_port; /* of the socket by which divvyd changes the data path */
	sd_event_source *event_source, *reconcile_timer, *rescan_timer, *others_timer, *second_timer;
	sd_event_source *look_timer; /* divided.h */
	uint64_t lost_ns; /* when the log said that events were lost */
	unsigned int rescan_stage;
	bool managed;     /* at the latest look a manager had a tap open, or had not yet recorded one */
	bool look_again;      /* an event came between the first two looks at /proc */
	unsigned int seconds; /* since the start, about */
	unsigned int step;    /* seconds until the second timer's next turn: 1, at rest SAMPLE_SECONDS */
	unsigned int busy;    /* the second in which something last happened, or was sent */
	bool news;            /* since advice_log(): something happened on the host */
	uint64_t advised;     /* daemon.plans, at advice_log() */
	int softnet; /* owned; negative: the kernel does not tell */
};

static void arm(sd_event_source *timer, uint64_t us)
{
	sd_event_source_set_time_relative(timer, us);
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static bool armed(sd_event_source *timer)
{
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(timer, &enabled);
	return enabled != SD_EVENT_OFF;
}

static void arm_once(sd_event_source *timer, uint64_t us)
{
	if (!armed(timer))
		arm(timer, us);
}

static void look_soon(struct loop *l)
{
	if (armed(l->rescan_timer) && l->rescan_stage <= 1) {
		l->look_again = true;
		return;
	}
	l->look_again = false;
	l->rescan_stage = 0;
	arm(l->rescan_timer, rescan_us[0]);
}

/* For a while nothing has happened, and nothing waits to be tried again. */
static bool rests(const struct loop *l)
{
	const struct daemon *d = l->daemon;

	return l->seconds - l->busy >= REST_SECONDS && !d->slots && !d->unreconciled && !d->plane.stale &&
	       d->plan.hurdles.error >= 0;
}

/* The next turn of the second timer. At rest there is nothing to do between two samples. */
static void arm_second(struct loop *l)
{
	l->step = rests(l) && l->seconds % SAMPLE_SECONDS == 0 ? SAMPLE_SECONDS : 1;
	arm(l->second_timer, l->step * SECOND_US);
}

static void wake(struct loop *l)
{
	l->busy = l->seconds;
	if (l->step > 1)
		arm_second(l);
}

/* --- events -------------------------------------------------------------------------------------- */

static void on_link(struct loop *l, const struct nlmsghdr *nlh)
{
	struct daemon *d = l->daemon;
	struct link link;
	bool there = nlh->nlmsg_type == RTM_NEWLINK && link_parse(nlh, &link) == 0;

	if (there)
		speedwatch_link(d->speedwatch, &link);
	/*
	 * Also what is no change to divvy: a bridge takes the tap, say, right before its tc settings are
	 * made.
	 */
	if (there && !binding_unschedulable(&link))
		settle_note(&d->plane.settle, link.ifindex, clock_now_ns(), SETTLE_OTHER);
	switch (inventory_event(&d->host, nlh, &link)) {
	case HOST_SAME:
		break;
	case HOST_GONE:
		dataplane_forget(&d->plane, link.ifindex);
		backpressure_forget(&d->backpressure, link.ifindex);
		if (link.kind != LINK_IFB) /* mend.c sees to divvy's own */
			arm_once(l->reconcile_timer, RECONCILE_DELAY_US);
		break;
	case HOST_CHANGED:
		if (!binding_unschedulable(&link))
			look_soon(l);
		/* A device with a hook by which packets may leave now, an uplink that comes or goes, or a port. */
		else if (!d->plan.hurdles.egress && !absent_concerns(&d->plan, &link) &&
			 !model_has_several_uplinks(&d->plan.written))
			break;
		arm_once(l->reconcile_timer, RECONCILE_DELAY_US);
		break;
	}
}

/* Another program has changed a qdisc, class or filter. */
static void on_tc(struct loop *l, const struct nlmsghdr *nlh)
{
	struct daemon *d = l->daemon;
	const struct tree_vnic *vnic;
	enum settle_news news;
	const struct link *link;
	struct tcmsg tcm;
	uint32_t ifindex;

	if (nlh->nlmsg_type == RTM_NEWACTION || nlh->nlmsg_type == RTM_DELACTION) { /* no interface's */
		mend_action(l->mend, nlh);
		return;
	}
	if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(tcm)))
		return;
	memcpy(&tcm, NLMSG_DATA(nlh), sizeof(tcm));
	ifindex = (uint32_t)tcm.tcm_ifindex;
	link = host_link(&d->host, ifindex);
	news = dataplane_tc_news(nlh->nlmsg_type, &tcm, plan_has_egress(&d->plan, ifindex));
	if (link && !binding_unschedulable(link))
		settle_note(&d->plane.settle, ifindex, clock_now_ns(), news);
	if (dataplane_tc_event(&d->plane, nlh->nlmsg_type, &tcm)) {
		look_filter_gone(&d->look, ifindex);
		arm_once(l->reconcile_timer, RECONCILE_DELAY_US);
	}
	mend_tc(l->mend, ifindex);
	if (news != SETTLE_OTHER && plan_misses_egress(&d->plan, ifindex))
		arm_once(l->reconcile_timer, RECONCILE_DELAY_US);
	if (others_touched(&d->others, ifindex))
		arm_once(l->others_timer, OTHERS_DELAY_US);
	vnic = tree_vnic(&d->plane.have, ifindex, DIRECTION_TX);
	if (!vnic)
		return;
	/* divvy's program stands aside for a qdisc of others, or need not any more. */
	if (vnic->hooks & HOOK_TCX && news != SETTLE_OTHER)
		arm_once(l->reconcile_timer, RECONCILE_DELAY_US);
	if (nlh->nlmsg_type == RTM_NEWQDISC || nlh->nlmsg_type == RTM_DELQDISC)
		others_qdiscs_changed(&d->others);
}

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	struct loop *l = arg;

	if (!nlh)
		return 0;
	if (nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK) {
		mend_link(l->mend, nlh);
		on_link(l, nlh);
	} else if (nlh->nlmsg_pid != l->own_port) {
		on_tc(l, nlh);
	}
	return 0;
}

static int on_events(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct loop *l = arg;
	struct daemon *d = l->daemon;
	int err = rtnl_events_read(l->events, on_message, l);

	(void)s, (void)fd, (void)revents;
	l->news = true;
	wake(l);
	if (err == -ENOBUFS) {
		if (!l->lost_ns || clock_now_ns() - l->lost_ns > LOST_LINE_NS) {
			log_notice("link events were lost; reading everything again");
			l->lost_ns = clock_now_ns();
		}
		for (size_t i = 0; i < d->plan.tree.n_vnics; i++)
			settle_note(&d->plane.settle, d->plan.tree.vnics[i].ifindex, clock_now_ns(), SETTLE_OTHER);
		if (inventory_links(&d->host, d->plane.rtnl) >= 0)
			dataplane_forget_gone(&d->plane, &d->host);
		others_follow(&d->others, &(struct others_source){ d->plane.rtnl, &d->host }, &d->plane.have,
			      true);
		d->plane.stale = true;
		look_soon(l);
		arm_once(l->reconcile_timer, RECONCILE_DELAY_US);
	} else if (err < 0) {
		log_error("link events: %s", strerror(-err));
	}
	return 0;
}

/* --- timers -------------------------------------------------------------------------------------- */

static int on_reconcile(sd_event_source *s, uint64_t usec, void *arg)
{
	struct loop *l = arg;

	(void)s, (void)usec;
	doing_begin(HOST_WORK, 0);
	reconcile_host(l->daemon);
	doing_end();
	return 0;
}

static int on_rescan(sd_event_source *s, uint64_t usec, void *arg)
{
	struct loop *l = arg;
	bool managed = l->managed;
	uint64_t next;

	(void)s, (void)usec;
	l->news = true;
	doing_begin(HOST_WORK, 0);
	if (reconcile_look(l->daemon, true))
		reconcile_host(l->daemon);
	doing_end();
	l->managed = holds_managed(&l->daemon->host) || records_behind(l->daemon->records);
	next = ++l->rescan_stage < ARRAY_SIZE(rescan_us) ? rescan_us[l->rescan_stage] : 0;
	if (l->managed && l->rescan_stage < MANAGED_LOOKS && (!next || next > MANAGED_US))
		next = MANAGED_US;
	if (next)
		arm(l->rescan_timer, next);
	if (l->rescan_stage > 1 && (l->look_again || (managed && !l->managed)))
		look_soon(l);
	return 0;
}

static int on_others(sd_event_source *s, uint64_t usec, void *arg)
{
	struct loop *l = arg;
	struct daemon *d = l->daemon;

	(void)s, (void)usec;
	others_read_touched(&d->others, &(struct others_source){ d->plane.rtnl, &d->host });
	return 0;
}

static int on_settle(sd_event_source *s, uint64_t usec, void *arg)
{
	struct loop *l = arg;

	(void)s, (void)usec;
	reconcile_held(l->daemon, reconcile_look(l->daemon, false));
	return 0;
}

/*
 * What answers and plans took, in many small pieces, the C library keeps (main.c): with 1,000 devices a status takes 7 MB
 * for a moment, and divvyd's RSS stayed at 19 MB instead of 11. So much free memory may stay, bytes. A client that asks
 * every second has it until it goes: a fifth of a status's CPU time went into giving it back and having it anew.
 */
#define FREE_MEMORY_MAX (2U << 20)

static void give_back_memory(struct daemon *d)
{
	if (!d->took_memory && d->keeps_memory && mallinfo2().fordblks > FREE_MEMORY_MAX)
		(void)malloc_trim(0);
	d->keeps_memory = d->took_memory;
	d->took_memory = false;
}

/*
 * What the plan is warned of changes with the plan, the host and what is sent; judging it walks all bindings. moved:
 * something was sent.
 */
static void advise(struct loop *l, bool moved)
{
	struct daemon *d = l->daemon;

	if (!moved && !d->slots && !l->news && l->advised == d->plans && l->seconds % ADVICE_SECONDS != 0)
		return;
	l->news = armed(l->rescan_timer); /* VMs that are just starting are told of later */
	l->advised = d->plans;
	advice_log(d, !armed(l->rescan_timer));
}

static int on_second(sd_event_source *s, uint64_t usec, void *arg)
{
	struct loop *l = arg;
	struct daemon *d = l->daemon;
	bool audit;

	(void)s, (void)usec;
	l->seconds += l->step;
	if (l->seconds % SAMPLE_SECONDS == 0) {
		bool moved = sampler_read(&d->sampler, &d->plane, clock_now_ns()) != 0;

		if (d->slots)
			nicmeter_read(&d->nicmeter, d->plane.rtnl, &d->plan, clock_now_ns());
		speedwatch_read(d->speedwatch); /* not every driver tells */
		advise(l, moved);
		if (moved)
			l->busy = l->seconds;
	}
	audit = l->seconds % (rests(l) ? REST_SECONDS : AUDIT_SECONDS) == 0;
	if (d->slots)
		slots_audit(d->slots, audit);
	if (d->unreconciled || d->plane.stale)
		reconcile_host(d);
	if (nftwatch_answers_again(&d->host, &d->plan.hurdles))
		reconcile_host(d);
	if (audit) {
		if (reconcile_audit(d))
			l->busy = l->seconds;
		give_back_memory(d);
	}
	arm_second(l);
	return 0;
}

static int on_look(sd_event_source *s, uint64_t usec, void *arg)
{
	struct loop *l = arg;

	struct daemon *d = l->daemon;
	const struct divided_input in = {
		.plane = &d->plane, .host = &d->host, .others = &d->others, .running = &d->plan, .softnet = l->softnet
	};
	bool tcx = false;

	(void)s, (void)usec;
	arm(l->look_timer, divided_look(&d->undivided, &in, &tcx) / NSEC_PER_USEC);
	if (tcx) {
		d->plane.stale = true;
		arm_once(l->reconcile_timer, RECONCILE_DELAY_US);
	}
	return 0;
}

static void on_differs(void *arg)
{
	reconcile_host(arg);
}

static int add_timer(struct loop *l, sd_event_source **s, sd_event_time_handler_t handler)
{
	int r = sd_event_add_time_relative(l->daemon->event, s, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, handler,
					   l);

	return r < 0 ? r : sd_event_source_set_enabled(*s, SD_EVENT_OFF);
}

int loop_open(struct loop **ret, struct daemon *d)
{
	struct loop *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->daemon = d;
	l->own_port = rtnl_port(d->plane.rtnl);
	l->softnet = softnet_open();
	r = mend_open(&l->mend, d->event, &d->look, on_differs, d);
	if (r >= 0)
		r = rtnl_events_open(&l->events, true);
	if (r >= 0)
		r = rtnl_events_skip_own(l->events, l->own_port);
	if (r >= 0)
		r = sd_event_add_io(d->event, &l->event_source, rtnl_fd(l->events), EPOLLIN, on_events, l);
	d->events_socket = l->events;
	if (r >= 0)
		r = sd_event_source_set_priority(l->event_source, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_source_set_ratelimit(l->event_source, STORM_US, STORM_READS);
	if (r >= 0)
		r = add_timer(l, &l->reconcile_timer, on_reconcile);
	if (r >= 0)
		r = add_timer(l, &l->rescan_timer, on_rescan);
	if (r >= 0)
		r = add_timer(l, &l->others_timer, on_others);
	if (r >= 0)
		r = add_timer(l, &d->settle_timer, on_settle);
	if (r >= 0)
		r = add_timer(l, &l->second_timer, on_second);
	if (r >= 0)
		r = add_timer(l, &l->look_timer, on_look);
	if (r < 0) {
		loop_close(l);
		return r;
	}
	arm_second(l);
	arm(l->look_timer, UNDIVIDED_CONFIRM_NS / NSEC_PER_USEC);
	*ret = l;
	return 0;
}

struct loop *loop_close(struct loop *l)
{
	if (!l)
		return NULL;
	sd_event_source_disable_unref(l->event_source);
	sd_event_source_disable_unref(l->reconcile_timer);
	sd_event_source_disable_unref(l->rescan_timer);
	sd_event_source_disable_unref(l->others_timer);
	sd_event_source_disable_unref(l->second_timer);
	l->daemon->settle_timer = sd_event_source_disable_unref(l->daemon->settle_timer);
	sd_event_source_disable_unref(l->look_timer);
	l->daemon->events_socket = NULL;
	rtnl_close(l->events);
	mend_close(l->mend);
	if (l->softnet >= 0)
		close(l->softnet);
	free(l);
	return NULL;
}
