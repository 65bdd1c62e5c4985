// SPDX-License-Identifier: GPL-2.0-or-later
#include "near.h"

#include "base/words.h"
#include "bind.h"

#include <string.h>

const char *near_node(const struct model *m, const char *name, char buf[MODEL_FULL_NAME_SIZE])
{
	struct words_near best = { 0 };
	uint32_t found = NODE_NONE;

	for (uint32_t i = 0; i < m->n_nodes; i++) {
		struct words_near was = best;

		if (m->nodes[i].kind == NODE_UPLINK)
			continue;
		words_consider(&best, name, model_full_name(m, i, buf));
		words_consider(&best, name, m->nodes[i].name);
		if (best.word != was.word || best.edits != was.edits)
			found = i;
		if (best.word)
			best.word = m->nodes[found].name; /* buf changes */
	}
	return found == NODE_NONE ? NULL : model_full_name(m, found, buf);
}

const char *near_link(const struct host *h, const char *name, bool vnic)
{
	struct words_near best = { 0 };

	for (size_t i = 0; i < h->n_links; i++) {
		const struct link *l = &h->links[i];

		if (vnic && binding_unschedulable(l))
			continue;
		words_consider(&best, name, l->name);
		for (const char *at = l->altnames; *at; at += strlen(at) + 1)
			words_consider(&best, name, at);
	}
	return best.word;
}

const char *near_vm(const struct host *h, const char *name)
{
	struct words_near best = { 0 };

	for (size_t i = 0; i < h->n_nics; i++)
		if (h->nics[i].vm[0])
			words_consider(&best, name, h->nics[i].vm);
	return best.word;
}
