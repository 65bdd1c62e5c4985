/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "result.h"

#include <stdlib.h>

bool result_judged(const struct result *r, const struct phase_result *p)
{
	return !p->phase->idle && (r->loaded || !r->load_known || scenario_unlimited(r->scenario));
}

void result_free(struct result *r)
{
	for (size_t k = 0; k < r->n_phases; k++) {
		free(r->phases[k].commands);
		free(r->phases[k].status);
		slots_free(&r->phases[k].slots);
	}
	free(r->phases);
	for (size_t i = 0; i < TOPO_VMS_MAX; i++) {
		heard_free(&r->heard[i]);
	}
	*r = (struct result){};
}
