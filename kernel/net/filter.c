/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "filter.h"

#include "attr.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

/*
 * The hook's address. clsact has it as the class "ingress"; the old `ingress` qdisc has the same
 * handle ffff: and takes every class of it for its one hook (net/sched/sch_ingress.c,
 * ingress_find()). So this one address serves whichever of the two is there.
 */
static_assert(FILTER_INGRESS == TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), "this serves both kinds");
static_assert(FILTER_EGRESS == TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), "clsact's alone");

#define ACTION_FIRST 1 /* actions of a filter are numbered from one (net/sched/act_api.c) */

/* --- dump -------------------------------------------------------------------------------------- */

struct filter_dump {
	uint32_t ifindex;
	struct filter *f;
	size_t n;
};

/* The interface that a lone mirred action redirects to; 0 for any other action. */
static uint32_t parse_redirect(const struct nlattr *actions)
{
	const struct nlattr *list[ACTION_FIRST + 1], *act[TCA_ACT_OPTIONS + 1], *tb[TCA_MIRRED_PARMS + 1];
	struct tc_mirred m = { 0 };
	char kind[16];

	attr_table_nested(actions, list, ACTION_FIRST);
	attr_table_nested(list[ACTION_FIRST], act, TCA_ACT_OPTIONS);
	attr_str(act[TCA_ACT_KIND], kind, sizeof(kind));
	if (strcmp(kind, "mirred") != 0)
		return 0;
	attr_table_nested(act[TCA_ACT_OPTIONS], tb, TCA_MIRRED_PARMS);
	if (!attr_copy(tb[TCA_MIRRED_PARMS], &m, sizeof(m)) || m.eaction != TCA_EGRESS_REDIR)
		return 0;
	return m.ifindex;
}

static void parse_bpf(const struct nlattr *options, struct filter *f)
{
	const struct nlattr *tb[TCA_BPF_ID + 1];
	char name[sizeof(FILTER_NAME) + 1]; /* one more, or a longer name would be cut to ours */

	attr_table_nested(options, tb, TCA_BPF_ID);
	attr_str(tb[TCA_BPF_NAME], name, sizeof(name));
	f->ours = strcmp(name, FILTER_NAME) == 0;
	if (!f->ours)
		return;
	f->classid = attr_u32(tb[TCA_BPF_CLASSID], 0);
	f->prog_id = attr_u32(tb[TCA_BPF_ID], 0);
	f->redirect = parse_redirect(tb[TCA_BPF_ACT]);
}

static int collect(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[TCA_CHAIN + 1];
	struct filter_dump *d = arg;
	struct filter f = { 0 };
	struct tcmsg tcm;
	int err;

	if (!nlh) {
		d->n = 0;
		freep(&d->f);
		d->f = NULL;
		return 0;
	}
	if (nlh->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(nlh) < sizeof(tcm))
		return 0;
	memcpy(&tcm, mnl_nlmsg_get_payload(nlh), sizeof(tcm));
	attr_table(nlh, sizeof(tcm), tb, TCA_CHAIN);
	/* Each priority is announced by a message without options before its filters. */
	if ((uint32_t)tcm.tcm_ifindex != d->ifindex || !tb[TCA_OPTIONS])
		return 0;
	err = array_reserve(&d->f, d->n, sizeof(*d->f));
	if (err < 0)
		return err;
	f.ifindex = d->ifindex;
	f.pref = (uint16_t)(tcm.tcm_info >> 16);
	f.handle = tcm.tcm_handle;
	f.chain = attr_u32(tb[TCA_CHAIN], 0);
	attr_str(tb[TCA_KIND], f.kind, sizeof(f.kind));
	if (strcmp(f.kind, "bpf") == 0)
		parse_bpf(tb[TCA_OPTIONS], &f);
	d->f[d->n++] = f;
	return 0;
}

static int list_hook(struct rtnl *r, uint32_t ifindex, uint32_t hook, struct filter **f, size_t *n)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = hook };
	struct filter_dump d = { .ifindex = ifindex };
	int err = rtnl_dump(r, RTM_GETTFILTER, &tcm, sizeof(tcm), collect, &d);

	if (err < 0) {
		free(d.f);
		return err;
	}
	*f = d.f;
	*n = d.n;
	return 0;
}

int filter_list(struct rtnl *r, uint32_t ifindex, struct filter **f, size_t *n)
{
	return list_hook(r, ifindex, FILTER_INGRESS, f, n);
}

int filter_list_at(struct rtnl *r, uint32_t ifindex, uint32_t parent, struct filter **f, size_t *n)
{
	return list_hook(r, ifindex, parent, f, n);
}

/* With an `ingress` qdisc both addresses are the one hook, whose filters then come twice. */
int filter_list_all(struct rtnl *r, uint32_t ifindex, struct filter **f, size_t *n)
{
	_cleanup_free_ struct filter *in = NULL, *out = NULL;
	size_t n_in, n_out;
	struct filter *both;
	int err = list_hook(r, ifindex, FILTER_INGRESS, &in, &n_in);

	if (err == 0)
		err = list_hook(r, ifindex, FILTER_EGRESS, &out, &n_out);
	if (err < 0)
		return err;
	both = reallocarray(in, n_in + n_out + 1, sizeof(*both));
	if (!both)
		return -ENOMEM;
	in = NULL;
	if (n_out)
		memcpy(both + n_in, out, n_out * sizeof(*both));
	for (size_t i = n_in; i < n_in + n_out; i++)
		both[i].egress = true;
	*f = both;
	*n = n_in + n_out;
	return 0;
}

bool filter_event_redirects(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[TCA_ACT_TAB + 1], *act, *kind[TCA_ACT_KIND + 1];
	char name[16];

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct tcamsg))
		return false;
	attr_table(nlh, sizeof(struct tcamsg), tb, TCA_ACT_TAB);
	if (!tb[TCA_ACT_TAB])
		return false;
	attr_for_each_nested(act, tb[TCA_ACT_TAB]) {
		attr_table_nested(act, kind, TCA_ACT_KIND);
		attr_str(kind[TCA_ACT_KIND], name, sizeof(name));
		if (strcmp(name, "mirred") == 0)
			return true;
	}
	return false;
}

/* --- requests ---------------------------------------------------------------------------------- */

struct place {
	uint16_t pref;
	uint32_t handle;
};

static const struct place last = { FILTER_PREF, FILTER_HANDLE };
static const struct place first = { FILTER_PREF_FIRST, FILTER_HANDLE_FIRST };

static struct nlmsghdr *request(struct rtnl *r, uint16_t type, uint16_t flags, uint32_t ifindex,
				uint32_t parent, struct place at, uint64_t tag)
{
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = at.handle,
		.tcm_parent = parent,
		.tcm_info = TC_H_MAKE((uint32_t)at.pref << 16, htons(ETH_P_ALL)),
	};
	struct nlmsghdr *nlh = rtnl_add(r, type, flags, &tcm, sizeof(tcm), tag);

	if (nlh)
		mnl_attr_put_strz(nlh, TCA_KIND, "bpf");
	return nlh;
}

static void put_redirect(struct nlmsghdr *nlh, uint32_t ifb)
{
	struct tc_mirred m = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = ifb };
	struct nlattr *actions = mnl_attr_nest_start(nlh, TCA_BPF_ACT);
	struct nlattr *act = mnl_attr_nest_start(nlh, ACTION_FIRST);
	struct nlattr *options;

	mnl_attr_put_strz(nlh, TCA_ACT_KIND, "mirred");
	options = mnl_attr_nest_start(nlh, TCA_ACT_OPTIONS);
	mnl_attr_put(nlh, TCA_MIRRED_PARMS, sizeof(m), &m);
	mnl_attr_nest_end(nlh, options);
	mnl_attr_nest_end(nlh, act);
	mnl_attr_nest_end(nlh, actions);
}

static void put_prog(struct nlmsghdr *nlh, int prog_fd, uint32_t classid)
{
	mnl_attr_put_u32(nlh, TCA_BPF_FD, (uint32_t)prog_fd);
	mnl_attr_put_strz(nlh, TCA_BPF_NAME, FILTER_NAME);
	mnl_attr_put_u32(nlh, TCA_BPF_CLASSID, classid);
}

/*
 * Without NLM_F_EXCL the filter of this handle is replaced in place: a packet meets the old one or
 * the new one.
 */
int filter_set_at(struct rtnl *r, uint32_t ifindex, uint32_t parent, bool is_first, int prog_fd, uint32_t classid,
		  uint32_t ifb, uint64_t tag)
{
	struct nlmsghdr *nlh =
		request(r, RTM_NEWTFILTER, NLM_F_CREATE, ifindex, parent, is_first ? first : last, tag);
	struct nlattr *options;

	if (!nlh)
		return -ENOMEM;
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	put_prog(nlh, prog_fd, classid);
	put_redirect(nlh, ifb);
	mnl_attr_nest_end(nlh, options);
	return 0;
}

int filter_set(struct rtnl *r, uint32_t ifindex, int prog_fd, uint32_t classid, uint32_t ifb, uint64_t tag)
{
	return filter_set_at(r, ifindex, FILTER_INGRESS, false, prog_fd, classid, ifb, tag);
}

int filter_set_first(struct rtnl *r, uint32_t ifindex, int prog_fd, uint32_t classid, uint32_t ifb,
		     uint64_t tag)
{
	return filter_set_at(r, ifindex, FILTER_INGRESS, true, prog_fd, classid, ifb, tag);
}

int filter_set_root(struct rtnl *r, uint32_t ifb, uint32_t root, int prog_fd, uint64_t tag)
{
	struct nlmsghdr *nlh = request(r, RTM_NEWTFILTER, NLM_F_CREATE, ifb, root, last, tag);
	struct nlattr *options;

	if (!nlh)
		return -ENOMEM;
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	put_prog(nlh, prog_fd, root);
	mnl_attr_put_u32(nlh, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(nlh, options);
	return 0;
}

int filter_del_at(struct rtnl *r, uint32_t ifindex, uint32_t parent, bool is_first, uint64_t tag)
{
	return request(r, RTM_DELTFILTER, 0, ifindex, parent, is_first ? first : last, tag) ? 0 : -ENOMEM;
}

int filter_del(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	return filter_del_at(r, ifindex, FILTER_INGRESS, false, tag);
}

int filter_del_first(struct rtnl *r, uint32_t ifindex, uint64_t tag)
{
	return filter_del_at(r, ifindex, FILTER_INGRESS, true, tag);
}

/* Without a kind and a protocol the kernel takes any (net/sched/cls_api.c, tc_del_tfilter()). */
int filter_del_root(struct rtnl *r, uint32_t ifb, uint32_t root, const struct filter *f, uint64_t tag)
{
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifb,
		.tcm_handle = f->pref == FILTER_PREF ? f->handle : 0,
		.tcm_parent = root,
		.tcm_info = TC_H_MAKE((uint32_t)f->pref << 16, 0),
	};

	return rtnl_add(r, RTM_DELTFILTER, 0, &tcm, sizeof(tcm), tag) ? 0 : -ENOMEM;
}
