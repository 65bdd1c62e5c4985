// SPDX-License-Identifier: GPL-2.0-or-later
#include "portspeed.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "kernel/net/port.h"
#include "plan/ports.h"

#include <stdio.h>
#include <string.h>

void portspeed_free(struct portspeed *s)
{
	free(s->list);
	*s = (struct portspeed){ 0 };
}

uint64_t portspeed_of(const struct host *h, const struct link *uplink, bool own, const char **name)
{
	const struct link *ports[PORTS_MAX];
	size_t n = ports_of(h, uplink, ports);
	uint64_t most = 0, speed;

	for (size_t i = 0; i < n; i++) {
		bool counts = port_has_speed(ports[i]) || (i == 0 && own && ports[i]->kind != LINK_BRIDGE);

		if (!counts || port_speed(ports[i]->name, &speed) < 0)
			continue;
		if (speed > most) {
			most = speed;
			*name = ports[i]->name;
		}
		if (i == 0) /* a bond's or VLAN's own speed says all */
			break;
	}
	return most;
}

static struct uplink_speed *find(struct portspeed *s, const char *uplink)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->list[i].uplink, uplink) == 0)
			return &s->list[i];
	return NULL;
}

int portspeed_adopt(struct portspeed *s, const char *uplink, uint64_t bits_ps)
{
	int err = find(s, uplink) ? 0 : array_reserve(&s->list, s->n, sizeof(*s->list));

	if (err < 0 || find(s, uplink))
		return err;
	s->list[s->n] = (struct uplink_speed){ .bits_ps = bits_ps };
	snprintf(s->list[s->n].uplink, sizeof(s->list[s->n].uplink), "%s", uplink);
	s->n++;
	return 0;
}

static const struct link *link_called(const struct host *h, const char *name)
{
	for (size_t i = 0; i < h->n_links; i++)
		if (strcmp(h->links[i].name, name) == 0 || link_has_altname(&h->links[i], name))
			return &h->links[i];
	return NULL;
}

/* 1: the speed has changed. */
static int take(struct portspeed *s, const char *uplink, uint64_t bits_ps)
{
	struct uplink_speed *known = find(s, uplink);
	uint64_t before = known ? known->bits_ps : 0;
	int err = 0;

	if (known)
		known->told = bits_ps > 0;
	if (!bits_ps || before == bits_ps)
		return 0;
	if (!known) {
		err = portspeed_adopt(s, uplink, bits_ps);
		known = find(s, uplink);
	}
	if (err < 0 || !known)
		return err;
	known->told = true;
	known->bits_ps = bits_ps;
	return 1;
}

int portspeed_read(struct portspeed *s, const struct model *m, const struct host *h)
{
	int changed = 0;

	for (size_t i = 0; i < m->n_nodes; i = model_end(m, i)) {
		const struct link *l = m->nodes[i].of_link.ppm ? link_called(h, m->nodes[i].name) : NULL;
		const char *name = "";
		int r;

		if (!m->nodes[i].of_link.ppm)
			continue;
		r = take(s, m->nodes[i].name, l ? portspeed_of(h, l, true, &name) : 0);
		if (r < 0)
			return r;
		changed |= r;
	}
	return changed;
}

void portspeed_keep(struct portspeed *s, const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < m->n_nodes; k = model_end(m, k))
			if (m->nodes[k].of_link.ppm && strcmp(m->nodes[k].name, s->list[i].uplink) == 0) {
				s->list[n++] = s->list[i];
				break;
			}
	s->n = n;
}

int portspeed_warn(const struct portspeed *s, const struct model *m, struct warning_list *out)
{
	int err = 0;

	for (size_t i = 0; i < m->n_nodes && err >= 0; i = model_end(m, i)) {
		const struct node *node = &m->nodes[i];
		const struct uplink_speed *known = capacity_speed(s->list, s->n, node->name);

		if (!node->of_link.ppm || (known && known->told))
			continue;
		if (known)
			err = warning_add(out, "no-speed", node->name,
					  "%s tells no speed now: its capacity is still a part of %.6g Mbit/s, the last that it told",
					  node->name, (double)known->bits_ps / 1e6);
		else
			err = warning_add(out, "no-speed", node->name,
					  "%s tells no speed: nothing holds its devices back until it does (ip link), or until its capacity is a rate",
					  node->name);
	}
	return err;
}
