/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The programs that the lab is for, used as an operator does: a daemon, a specification's file, the command
 * line.
 */

#include "divvy.h"

#include "base/cleanup.h"
#include "core/model.h"
#include "lab/proc/lines.h"
#include "lab/proc/loop.h"
#include "lab/proc/programs.h"
#include "spec/units.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define START_TIMEOUT_NS (10 * NSEC_PER_SEC)
#define STOP_TIMEOUT_MS 5000

static int run_divvy(struct scheduling *s, const char *const *args, char **output, struct errtext *e)
{
	const char *argv[2 * TOPO_VMS_MAX + 8] = { program_path("divvy") };
	char line[1000] = "divvy";
	size_t n = 1;

	for (; args[n - 1]; n++) {
		size_t used = strlen(line);

		argv[n] = args[n - 1];
		snprintf(line + used, sizeof(line) - used, " %s", args[n - 1]);
	}
	argv[n] = NULL;
	if (!output)
		scheduling_note(s, line);
	return proc_runv(NULL, argv, NULL, output, e);
}

int divvy_ask(struct scheduling *s, const char *verb, char **json)
{
	return s->divvyd > 0 ? run_divvy(s, (const char *const[]){ verb, "--json", NULL }, json, NULL) : -ESRCH;
}

static int answers(void *arg)
{
	struct scheduling *s = arg;
	_cleanup_free_ char *json = NULL;

	if (!proc_alive(s->divvyd, NULL))
		return -EPIPE;
	return divvy_ask(s, "status", &json) == 0;
}

int divvy_start(struct scheduling *s, struct errtext *e)
{
	_cleanup_close_ int log = -1;
	char socket[PATH_MAX], state[PATH_MAX], config[PATH_MAX], why[300];
	int r;

	snprintf(socket, sizeof(socket), "%s/divvy.sock", s->dir);
	snprintf(state, sizeof(state), "%s/state", s->dir);
	snprintf(config, sizeof(config), "%s/none.yaml", s->dir); /* not the machine's own specification */
	setenv("DIVVY_SOCKET", socket, 1);
	log = open(s->log_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (log < 0)
		return errtext_set(e, -errno, "%s: %s", s->log_path, strerror(errno));

	struct spawn daemon = SPAWN_INIT;
	daemon.argv = (const char *const[]){ program_path("divvyd"), "--state", state, "--runtime", s->dir, "--socket",
					     socket, "--config", config, NULL };
	daemon.netns = s->topo->host;
	daemon.out = daemon.err = log;
	r = proc_spawn(&daemon, &s->divvyd, e);
	if (r < 0) {
		s->divvyd = 0;
		return r;
	}
	r = loop_while(answers, s, clock_now_ns() + START_TIMEOUT_NS);
	if (r == -EINTR || r == 0)
		return r;
	lines_last(log, why, sizeof(why)); /* says why it did not start */
	return errtext_set(e, r, "divvyd %s: %s",
			   r == -EPIPE ? "ended at its start" : "did not answer within 10 s", why);
}

void divvy_stop(struct scheduling *s)
{
	proc_stop(s->divvyd, SIGTERM, STOP_TIMEOUT_MS, NULL);
	s->divvyd = 0;
}

static int write_specification(struct scheduling *s, const struct scenario_phase *p, const char *path,
			       struct errtext *e)
{
	const struct scenario *sc = s->scenario;
	char capacity[UNITS_RATE_SIZE], reserve[UNITS_RATE_SIZE];
	FILE *f = fopen(path, "we");

	if (!f)
		return errtext_set(e, -errno, "%s: %s", path, strerror(errno));
	if (p->schedule)
		fprintf(f, "schedule: %s\n", p->schedule);
	else if (p->scheduler == SCHEDULER_CPU)
		fprintf(f, "schedule: {resource: cpu}\n");
	/* The lab's wire counts frames of layer 2, so nothing is added to them. */
	units_format_rate(sc->capacity, capacity);
	fprintf(f, "uplinks:\n  - name: %s\n    capacity: %s\n", s->topo->uplink, capacity);
	if (sc->rx)
		fprintf(f, "    rx_capacity: %s\n", capacity);
	fprintf(f, "    overhead: 0\n    devices:\n");
	for (size_t i = 0; i < sc->n_guests; i++) {
		/* What libvirt started is found as an operator would say it. */
		if (vm_port(sc->vms[i].kind) == TOPO_FOREIGN)
			fprintf(f, "      - {name: %s, vm: %s", sc->vms[i].name, sc->vms[i].name);
		else
			fprintf(f, "      - {name: %s, nic: %s", sc->vms[i].name, s->topo->vm[i].tap);
		fprintf(f, ", share: %u", p->shares[i].weight);
		if (p->reserve[i].bytes_ps > 0)
			fprintf(f, ", reserve: %s", units_format_rate(p->reserve[i], reserve));
		if (sc->rx)
			fprintf(f, ", rx: same");
		if (p->backpressure)
			fprintf(f, ", backpressure: \"%s\"", p->backpressure);
		fprintf(f, "}\n");
	}
	if (fclose(f) != 0)
		return errtext_set(e, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int divvy_apply(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/divvy.yaml", s->dir);
	r = write_specification(s, p, path, e);
	return r < 0 ? r : run_divvy(s, (const char *const[]){ "apply", path, NULL }, NULL, e);
}

static int divvy_set(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	char words[2 * TOPO_VMS_MAX][MODEL_NAME_SIZE + UNITS_RATE_SIZE + 16], rate[UNITS_RATE_SIZE];
	const char *args[2 * TOPO_VMS_MAX + 2] = { "set" };
	size_t n = 0;

	for (size_t i = 0; i < s->scenario->n_guests; i++) {
		const char *name = s->scenario->vms[i].name;

		snprintf(words[n++], sizeof(words[0]), "%.63s=%u", name, p->shares[i].weight);
		if (s->scenario->rx)
			snprintf(words[n++], sizeof(words[0]), "%.63s.rx.share=%u", name, p->shares[i].weight);
		if (p->has_reserves)
			snprintf(words[n++], sizeof(words[0]), "%.63s.reserve=%s", name,
				 p->reserve[i].bytes_ps ? units_format_rate(p->reserve[i], rate) : "none");
	}
	for (size_t k = 0; k < n; k++)
		args[k + 1] = words[k];
	args[n + 1] = NULL;
	return run_divvy(s, args, NULL, e);
}

static int divvy_release(struct scheduling *s, struct errtext *e)
{
	return run_divvy(s, (const char *const[]){ "release", "--all", NULL }, NULL, e);
}

const struct scheduler scheduler_divvy = {
	.apply = divvy_apply,
	.set = divvy_set,
	.release = divvy_release,
	.queues = QUEUES_DIVVY,
};
