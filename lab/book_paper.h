/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The paper's figures: what was run, what it reports (section IV; figures 11 and 12 are plotted only), and
 * which scenario of ours has the same traffic. Figures 1, 5, 7 and 8 are about the same two flooding VMs, so
 * that one scenario serves them all.
 */

#include <stdbool.h>
#include <stddef.h>

#define PAPER_VMS_MAX 3

struct paper_figure {
	const char *id, *number; /* "fig05", "5" */
	const char *title;
	const char *scenario;    /* whose data are shown */
	const char *also;        /* another scenario, if that one has no data; NULL */
	size_t n_vms;
	double mbps[PAPER_VMS_MAX];              /* 0: not reported */
	double shares[PAPER_VMS_MAX];            /* percent; 0: nobody divides */
	double ipd_mean_ms[PAPER_VMS_MAX], ipd_sd_ms[PAPER_VMS_MAX];
	bool gaps;                               /* inter-packet delay is what it shows */
	bool unscheduled, scheduled;             /* which of our phases belong to it */
	bool tcp;
	double error_pp;                         /* to reach (issue's table), 0: no target */
	double utilisation_pct;
	double settled_ms;
};

extern const struct paper_figure paper_figures[];
extern const size_t paper_n_figures;

/* NAN: the paper has none. The share error of a VM in the paper's own run, points. */
double paper_error_pp(const struct paper_figure *p, size_t vm);
double paper_ipd_cv(const struct paper_figure *p, size_t vm);
/* What its VMs had together, percent of its wire of 100 Mbit/s. */
double paper_utilisation_pct(const struct paper_figure *p);
