/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Repetitions of a phase together: the median, and the range. */

#include "lab/measure/range.h"
#include "result.h"

/* What is summed up of each VM. */
struct metric {
	const char *name; /* as in summary.json */
	size_t offset;    /* of a double in struct vm_result */
};
extern const struct metric aggregate_metrics[];
extern const size_t aggregate_n_metrics;

/* Over all repetitions of phase k of the scenario. 0 or -ENOMEM. */
int aggregate_vm(const struct result *r, size_t k, size_t vm, const struct metric *m, struct range *out);
/* The same for a figure of the phase: offset in struct phase_result. */
int aggregate_phase(const struct result *r, size_t k, size_t offset, struct range *out);
