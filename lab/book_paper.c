/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book_paper.h"

#include "base/cleanup.h"

#include <math.h>

/*
 * Section IV: a 10/100/1000BASE-T card; sums of 94 Mbit/s (UDP) and 87 Mbit/s (TCP) are those of 100BASE-T.
 */
#define PAPER_WIRE_MBPS 100

const struct paper_figure paper_figures[] = {
	{ .id = "fig01", .number = "1", .title = "UDP, two VMs, nobody divides", .scenario = "fig05", .also = "fig01",
	  .n_vms = 2, .unscheduled = true },
	{ .id = "fig05", .number = "5", .title = "UDP, two VMs, 50:50", .scenario = "fig05", .n_vms = 2,
	  .mbps = { 46.90, 46.95 }, .shares = { 50, 50 }, .unscheduled = true, .scheduled = true, .error_pp = 0.3,
	  .utilisation_pct = 98 },
	{ .id = "fig06", .number = "6", .title = "UDP, two VMs, 60:40", .scenario = "fig06", .n_vms = 2,
	  .mbps = { 55.41, 38.29 }, .shares = { 60, 40 }, .unscheduled = true, .scheduled = true, .error_pp = 0.3,
	  .utilisation_pct = 98 },
	{ .id = "fig07", .number = "7", .title = "UDP, two VMs, nobody divides: inter-packet delay",
	  .scenario = "fig05", .also = "fig07", .n_vms = 2, .ipd_mean_ms = { 0.303, 0.327 }, .ipd_sd_ms = { 0.0539, 0.0593 }, .gaps = true,
	  .unscheduled = true },
	{ .id = "fig08", .number = "8", .title = "UDP, two VMs, 50:50: inter-packet delay", .scenario = "fig05",
	  .also = "fig08", .n_vms = 2, .shares = { 50, 50 }, .ipd_mean_ms = { 0.132, 0.131 },
	  .ipd_sd_ms = { 0.0159, 0.0167 }, .gaps = true, .scheduled = true, .utilisation_pct = 98 },
	{ .id = "fig09", .number = "9", .title = "TCP, two VMs, 60:40", .scenario = "fig09", .n_vms = 2,
	  .mbps = { 52.85, 33.72 }, .shares = { 60, 40 }, .unscheduled = true, .scheduled = true, .tcp = true,
	  .error_pp = 0.5, .utilisation_pct = 98 },
	{ .id = "fig10", .number = "10", .title = "ICMP flood, two VMs, 50:50", .scenario = "fig10", .n_vms = 2,
	  .mbps = { 20.05, 20.26 }, .shares = { 50, 50 }, .unscheduled = true, .scheduled = true, .error_pp = 0.3 },
	{ .id = "fig11", .number = "11", .title = "UDP, three VMs, 50:30:20", .scenario = "fig11", .n_vms = 3,
	  .shares = { 50, 30, 20 }, .unscheduled = true, .scheduled = true, .error_pp = 0.3, .utilisation_pct = 98 },
	{ .id = "fig12", .number = "12", .title = "TCP, two VMs, shares changed while they run", .scenario = "fig12",
	  .n_vms = 2, .unscheduled = true, .scheduled = true, .tcp = true, .error_pp = 0.5, .settled_ms = 750 },
};
const size_t paper_n_figures = ARRAY_SIZE(paper_figures);

static double sum(const double v[PAPER_VMS_MAX])
{
	return v[0] + v[1] + v[2];
}

double paper_error_pp(const struct paper_figure *p, size_t vm)
{
	if (vm >= p->n_vms || sum(p->mbps) <= 0 || sum(p->shares) <= 0)
		return (double)NAN;
	return 100 * (p->mbps[vm] / sum(p->mbps) - p->shares[vm] / sum(p->shares));
}

double paper_ipd_cv(const struct paper_figure *p, size_t vm)
{
	return vm < p->n_vms && p->ipd_mean_ms[vm] > 0 ? p->ipd_sd_ms[vm] / p->ipd_mean_ms[vm] : (double)NAN;
}

double paper_utilisation_pct(const struct paper_figure *p)
{
	return sum(p->mbps) > 0 ? 100 * sum(p->mbps) / PAPER_WIRE_MBPS : (double)NAN;
}
