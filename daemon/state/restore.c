// SPDX-License-Identifier: GPL-2.0-or-later
#include "restore.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/commit.h"
#include "datapath/ifb.h"
#include "statefile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* {"IFINDEX of the IFB": {"MINOR": [ceiling, bytes per second; its bucket, bytes; quantum, bytes]}} */

static json_t *uplink_to_json(const struct tree_uplink *u)
{
	json_t *leaves = json_object();
	char minor[8];

	for (size_t i = 0; i < u->n_classes && leaves; i++) {
		const struct tree_class *c = &u->classes[i];

		if (!c->htb.leaf || c->node == NODE_NONE)
			continue;
		snprintf(minor, sizeof(minor), "%u", c->htb.minor);
		json_object_set_new(leaves, minor,
				    json_pack("[I,I,I]", (json_int_t)c->rest.ceil.bytes_ps, (json_int_t)c->rest.cburst,
					      (json_int_t)c->rest.quantum));
	}
	return leaves;
}

json_t *restore_to_json(const struct daemon *d)
{
	json_t *all = json_object();
	char ifindex[16];

	for (size_t i = 0; i < d->plan.tree.n_uplinks && all; i++) {
		const struct tree_uplink *u = &d->plan.tree.uplinks[i];
		const struct tree_uplink *have = tree_uplink(&d->plane.have, u->name, u->direction);

		if (!have || !have->ifb)
			continue;
		snprintf(ifindex, sizeof(ifindex), "%u", have->ifb);
		json_object_set_new(all, ifindex, uplink_to_json(u));
	}
	return all;
}

/* The class is not as the state says, and is to be. *below: so was its ceiling. */
static bool differs(struct htb_class *c, json_t *leaves, bool *below)
{
	json_int_t ceil, cburst, quantum;
	char minor[8];

	snprintf(minor, sizeof(minor), "%u", c->minor);
	if (json_unpack(json_object_get(leaves, minor), "[I,I,I]", &ceil, &cburst, &quantum) < 0 ||
	    ceil < (json_int_t)c->rate.bytes_ps || ceil < (json_int_t)c->ceil.bytes_ps || cburst <= 0 || quantum <= 0 ||
	    quantum > INT32_MAX)
		return false;
	*below = ceil > (json_int_t)c->ceil.bytes_ps;
	if (!*below && quantum == c->quantum)
		return false;
	c->ceil.bytes_ps = (uint64_t)ceil;
	c->cburst = (uint64_t)cburst;
	c->quantum = (uint32_t)quantum;
	return true;
}

/* How many classes of an IFB were given their ceilings back. */
static int restore_ifb(struct rtnl *r, uint32_t ifb, json_t *leaves)
{
	_cleanup_free_ struct htb_class *c = NULL;
	char errtext[200];
	size_t n = 0;
	int count = 0, err = htb_list(r, ifb, &c, NULL, &n);

	for (size_t i = 0; i < n && err >= 0; i++) {
		bool below;

		if (!c[i].leaf || !differs(&c[i], leaves, &below))
			continue;
		err = htb_class_change(r, ifb, &c[i], op_tag(OP_CLASS, c[i].minor));
		count += below;
	}
	if (err >= 0)
		err = commit(r, NULL, NULL, errtext, sizeof(errtext));
	return err < 0 ? err : count;
}

static int restore_all(struct rtnl *r, json_t *all)
{
	_cleanup_free_ struct link *links = NULL;
	size_t n = 0;
	int count = 0, err = link_list(r, &links, &n);

	for (size_t i = 0; i < n && err >= 0; i++) {
		char ifindex[16];
		json_t *leaves;

		/* Its number is another interface's, perhaps. */
		if (links[i].kind != LINK_IFB || !ifb_has_alias(&links[i]))
			continue;
		snprintf(ifindex, sizeof(ifindex), "%u", links[i].ifindex);
		leaves = json_object_get(all, ifindex);
		err = leaves ? restore_ifb(r, links[i].ifindex, leaves) : 0;
		count += err > 0 ? err : 0;
	}
	return err < 0 ? err : count;
}

int restore_ceilings(const char *dir)
{
	_cleanup_(json_decrefp) json_t *root = NULL;
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	char why[DAEMON_WHY_SIZE] = "", boot[STATEFILE_BOOT_SIZE];
	const char *saved;
	int err = statefile_read(dir, &root, why, sizeof(why));

	if (err < 0 && err != -ENOENT)
		log_error("%s/" STATEFILE_NAME " %s", dir, why);
	if (err < 0)
		return err;
	statefile_boot_id(boot);
	saved = json_string_value(json_object_get(root, "boot"));
	if (!saved || strcmp(saved, boot) != 0)
		return -ENOENT;
	err = rtnl_open(&r);
	if (err >= 0)
		err = restore_all(r, json_object_get(root, "ceilings"));
	if (err < 0)
		log_error("cannot give classes their ceilings back: %s", strerror(-err));
	else if (err > 0)
		log_notice("%d classes have their ceilings back", err);
	return err;
}
