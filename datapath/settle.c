// SPDX-License-Identifier: GPL-2.0-or-later
#include "settle.h"

#include "base/byifindex.h"

void settle_free(struct settle *s)
{
	free(s->list);
	*s = (struct settle){ 0 };
}

static struct settle_vnic *find(const struct settle *s, uint32_t ifindex)
{
	return byifindex_find(s->list, s->n, sizeof(*s->list), ifindex);
}

static bool is_quiet(const struct settle_vnic *v, uint64_t now_ns)
{
	return now_ns - v->last_ns >= v->quiet_ns;
}

int settle_note(struct settle *s, uint32_t ifindex, uint64_t now_ns, enum settle_news news)
{
	struct settle_vnic new = { .ifindex = ifindex, .first_ns = now_ns, .quiet_ns = SETTLE_QUIET_NS };
	struct settle_vnic *v = find(s, ifindex);

	if (!v) {
		int err = byifindex_insert(&s->list, &s->n, sizeof(new), &new);

		if (err < 0)
			return err;
		v = find(s, ifindex);
	} else if (is_quiet(v, now_ns)) {
		*v = new;
	}
	v->last_ns = now_ns;
	if (news != SETTLE_OTHER)
		v->quiet_ns = news == SETTLE_REMOVED ? SETTLE_REMOVED_NS : SETTLE_QUIET_NS;
	return 0;
}

void settle_forget(struct settle *s, uint32_t ifindex)
{
	struct settle_vnic *v = find(s, ifindex);

	if (v)
		byifindex_remove(s->list, &s->n, sizeof(*v), v);
}

uint64_t settle_not_before(const struct settle *s, uint32_t ifindex, uint64_t now_ns)
{
	const struct settle_vnic *v = find(s, ifindex);
	uint64_t quiet, early;

	if (!v || is_quiet(v, now_ns))
		return 0;
	quiet = v->last_ns + v->quiet_ns;
	early = v->early_ns ? v->early_ns + SETTLE_AGAIN_NS : v->first_ns + SETTLE_PATIENCE_NS;
	return quiet < early ? quiet : early;
}

bool settle_is_young(const struct settle *s, uint32_t ifindex, uint64_t now_ns)
{
	const struct settle_vnic *v = find(s, ifindex);

	return v && now_ns - v->last_ns <= SETTLE_YOUNG_NS;
}

void settle_attached(struct settle *s, uint32_t ifindex, uint64_t now_ns)
{
	struct settle_vnic *v = find(s, ifindex);

	if (v && !is_quiet(v, now_ns))
		v->early_ns = now_ns;
}

uint32_t settle_next_early(struct settle *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!s->list[i].early_ns || s->list[i].told)
			continue;
		s->list[i].told = true;
		return s->list[i].ifindex;
	}
	return 0;
}
