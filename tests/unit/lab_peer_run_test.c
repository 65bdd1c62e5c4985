/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Each peer put in place, changed and taken away for real: in a network namespace that has the lab's links,
 * on control groups with processes that only wait. What this kernel has no part for is told from what fails.
 */

#include "base/cleanup.h"
#include "kernel/cgroup/cgroup.h"
#include "lab/clean/cgroups_left.h"
#include "lab/run/scheduling.h"
#include "lab/schedulers/peer.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#define N_VMS 3

/* In place of vm.c's: a VM is its process. */
pid_t __wrap_vm_pid(const struct vm *vm);
bool __wrap_vm_alive(const struct vm *vm);
pid_t __wrap_vm_pid(const struct vm *vm)
{
	return *(const pid_t *)(const void *)vm;
}
bool __wrap_vm_alive(const struct vm *vm)
{
	return kill(__wrap_vm_pid(vm), 0) == 0;
}

struct fixture {
	struct topo topo;
	struct scenario scenario;
	struct scenario_vm vms[N_VMS];
	struct scenario_phase first, second;
	pid_t pid[N_VMS];
	struct vm *vm[N_VMS];
	struct scheduling s;
};

static char names[N_VMS][2] = { "a", "b", "c" };
static const uint32_t shares[N_VMS] = { 50, 30, 20 }; /* then the other way round */

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct topo *t = &f->topo;

	t->config = (struct topo_config){ .kind = TOPO_BRIDGE, .vms = N_VMS };
	strcpy(t->uplink, "up0");
	snprintf(t->host, sizeof(t->host), "dvl%d-host", (int)getpid());
	if (proc_run(NULL, NULL, NULL, "ip netns add %s", t->host) < 0 ||
	    proc_run(t->host, NULL, NULL, "ip link add up0 type veth peer name w0") < 0)
		return -1;
	f->first.scheduler = f->second.scheduler = SCHEDULER_NONE;
	for (size_t i = 0; i < N_VMS; i++) {
		snprintf(t->vm[i].tap, sizeof(t->vm[i].tap), "t%zu", i);
		snprintf(t->vm[i].address, sizeof(t->vm[i].address), "10.77.1.%zu/16", i + 1);
		if (proc_run(t->host, NULL, NULL, "ip tuntap add dev %s mode tap", t->vm[i].tap) < 0)
			return -1;
		f->vms[i].name = names[i];
		f->first.shares[i].weight = shares[i];
		f->second.shares[i].weight = shares[N_VMS - 1 - i];
		f->pid[i] = fork();
		if (f->pid[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
			_exit(0);
		}
		f->vm[i] = (struct vm *)(void *)&f->pid[i];
	}
	f->scenario = (struct scenario){ .capacity = { 99500000 / 8 }, .vms = f->vms, .n_vms = N_VMS, .n_guests = N_VMS };
	f->s = (struct scheduling){ .scenario = &f->scenario, .topo = t, .vm = f->vm };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	scheduling_stop(&f->s);
	for (size_t i = 0; i < N_VMS; i++) {
		kill(f->pid[i], SIGKILL);
		waitpid(f->pid[i], NULL, 0);
	}
	proc_run(NULL, NULL, NULL, "ip netns del %s", f->topo.host);
	free(f);
	return 0;
}

/* All that a peer could leave in the namespace: queues, filters, links. */
static char *what_is_there(const struct fixture *f)
{
	char *text = NULL, *qdiscs = NULL, *links = NULL, *filters[N_VMS] = {};
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(proc_run(f->topo.host, &qdiscs, NULL, "tc qdisc show"), 0);
	assert_int_equal(proc_run(f->topo.host, &links, NULL, "ip -br link show"), 0);
	fprintf(out, "%s%s", qdiscs, links);
	for (size_t i = 0; i < N_VMS; i++) {
		/* Without an ingress qdisc there is nothing to list, which tc says by failing. */
		if (proc_run(f->topo.host, &filters[i], NULL, "tc filter show dev %s ingress",
			     f->topo.vm[i].tap) == 0)
			fprintf(out, "%s", filters[i]);
		free(filters[i]);
	}
	fclose(out);
	free(qdiscs);
	free(links);
	return text;
}

static bool possible(enum scheduler_kind kind)
{
	char why[200];

	if (scheduling_possible(kind, why, sizeof(why)))
		return true;
	print_message("# not tried: %s\n", why);
	return false;
}

static void enter(struct fixture *f, struct scenario_phase *p, enum scheduler_kind kind)
{
	struct errtext e = {};

	p->scheduler = kind;
	if (scheduling_enter(&f->s, p, &e) < 0)
		fail_msg("%s: %s", scheduler_name(kind), e.text);
}

/* In place, changed, away; each is to have run all of these. */
static void go_through(struct fixture *f, enum scheduler_kind kind, const char *const *applied,
		       const char *const *set)
{
	_cleanup_free_ char *before = what_is_there(f), *after = NULL, *first = NULL, *second = NULL;

	enter(f, &f->first, kind);
	first = scheduling_commands(&f->s);
	for (; *applied; applied++)
		if (!first || !strstr(first, *applied))
			fail_msg("not among what was run: %s\n%s", *applied, first);
	enter(f, &f->second, kind);
	second = scheduling_commands(&f->s);
	for (; *set; set++)
		if (!second || !strstr(second, *set))
			fail_msg("not among what was run: %s\n%s", *set, second);
	enter(f, &f->first, SCHEDULER_NONE);
	after = what_is_there(f);
	assert_string_equal(before, after);
}

static void test_administrator(void **state)
{
	if (possible(SCHEDULER_ADMINISTRATOR))
		go_through(*state, SCHEDULER_ADMINISTRATOR,
			   (const char *const[]){ "tc class add dev up0 parent 1:1 classid 1:10 htb rate 49.75mbit ceil 99.5mbit\n",
						  "match ip src 10.77.1.3/32 flowid 1:12", NULL },
			   (const char *const[]){ "tc class change dev up0 parent 1:1 classid 1:10 htb rate 19.9mbit", NULL });
}

/* What VMs receive is led through an IFB; nothing of it stays at the uplink's ingress. */
static void test_administrator_rx(void **state)
{
	struct fixture *f = *state;

	if (!possible(SCHEDULER_ADMINISTRATOR))
		return;
	f->scenario.rx = true;
	go_through(f, SCHEDULER_ADMINISTRATOR,
		   (const char *const[]){ "ip link add ifb0 type ifb\n",
					  "tc class add dev ifb0 parent 1:1 classid 1:10 htb rate 49.75mbit ceil 99.5mbit\n",
					  "tc filter add dev ifb0 parent 1: protocol ip u32 match ip dst 10.77.1.3/32 flowid 1:12",
					  "match u32 0 0 action mirred egress redirect dev ifb0\n", NULL },
		   (const char *const[]){ "tc class change dev ifb0 parent 1:1 classid 1:10 htb rate 19.9mbit", NULL });
	f->scenario.rx = false;
}

static void test_htb_tuned(void **state)
{
	if (possible(SCHEDULER_HTB_TUNED))
		go_through(*state, SCHEDULER_HTB_TUNED,
			   (const char *const[]){
				   "classid 1:10 htb rate 49.75mbit ceil 99.5mbit quantum 163875 "
				   "burst 62187b cburst 124375b\n",
				   "tc qdisc add dev up0 parent 1:10 handle 10: pfifo limit 41\n", NULL },
			   (const char *const[]){
				   "tc class change dev up0 parent 1:1 classid 1:12 htb rate 49.75mbit "
				   "ceil 99.5mbit quantum 163875",
				   "tc qdisc change dev up0 parent 1:12 handle 12: pfifo limit 41\n", NULL });
}

static void test_cni(void **state)
{
	if (possible(SCHEDULER_CNI))
		go_through(*state, SCHEDULER_CNI,
			   (const char *const[]){
				   "ip link add bwp0 mtu 1500 txqueuelen 0 up type ifb\n",
				   "tc qdisc add dev t0 handle ffff: ingress\n",
				   "action mirred egress redirect dev bwp2\n",
				   ("tc qdisc add dev bwp0 root handle 1: tbf rate 49750000bit burst 62187b "
				    "limit 217655b\n"),
				   NULL },
			   (const char *const[]){ "ip link del bwp0\n", "tbf rate 19900000bit", NULL });
}

static void test_proxmox(void **state)
{
	if (possible(SCHEDULER_PROXMOX))
		go_through(*state, SCHEDULER_PROXMOX,
			   (const char *const[]){ "parent ffff: prio 50 basic police rate 6219104bps burst 1048576b mtu 64kb drop",
						  NULL },
			   (const char *const[]){ "tc qdisc del dev t2 ingress\n", NULL });
}

static void test_libvirt(void **state)
{
	if (possible(SCHEDULER_LIBVIRT))
		go_through(*state, SCHEDULER_LIBVIRT,
			   (const char *const[]){
				   "tc filter add dev t0 parent ffff: protocol all u32 match u32 0 0 police "
				   "rate 6218kbps burst 6218kb mtu 64kb drop flowid :1\n",
				   NULL },
			   (const char *const[]){ "tc qdisc del dev t2 ingress\n", "rate 2487kbps", NULL });
}

/* Directory of a VM's process in the hierarchy that has the cpu controller. */
static void group_of(const struct fixture *f, size_t vm, char dir[CGROUP_PATH_SIZE])
{
	struct cgroup_host h;

	assert_int_equal(cgroup_probe("", &h), 0);
	assert_int_equal(cgroup_of(&h, h.v2_cpu ? CGROUP_V2 : CGROUP_V1_CPU, f->pid[vm], dir), 0);
}

static void check_file(const char *dir, const char *v2, const char *v2_text, const char *v1,
		       const char *v1_text)
{
	char path[CGROUP_PATH_SIZE + 32];
	_cleanup_free_ char *text = NULL;

	snprintf(path, sizeof(path), "%s/%s", dir, v2);
	if (access(path, F_OK) == 0)
		v1_text = v2_text;
	else
		snprintf(path, sizeof(path), "%s/%s", dir, v1);
	assert_int_equal(proc_read_ns(NULL, path, &text), 0);
	assert_string_equal(text, v1_text);
}

static void test_cpu_weight(void **state)
{
	struct fixture *f = *state;
	char was[CGROUP_PATH_SIZE], in[CGROUP_PATH_SIZE], is[CGROUP_PATH_SIZE];

	if (!possible(SCHEDULER_CPU_WEIGHT))
		return;
	group_of(f, 0, was);
	enter(f, &f->first, SCHEDULER_CPU_WEIGHT);
	group_of(f, 0, in);
	check_file(in, "cpu.weight", "150\n", "cpu.shares", "1536\n");
	enter(f, &f->second, SCHEDULER_CPU_WEIGHT);
	group_of(f, 0, is);
	assert_string_equal(in, is);
	check_file(in, "cpu.weight", "60\n", "cpu.shares", "614\n");
	enter(f, &f->first, SCHEDULER_NONE);
	group_of(f, 0, is);
	assert_string_equal(was, is);
	assert_int_equal(access(in, F_OK), -1);
	assert_null(f->s.cgroups);
}

static void test_cpu_quota(void **state)
{
	struct fixture *f = *state;
	char in[CGROUP_PATH_SIZE];
	_cleanup_free_ char *commands = NULL;

	if (!possible(SCHEDULER_CPU_QUOTA))
		return;
	enter(f, &f->first, SCHEDULER_CPU_QUOTA);
	group_of(f, 2, in);
	commands = scheduling_commands(&f->s);
	assert_non_null(strstr(commands, "mkdir "));
	assert_non_null(strstr(commands, "cgroup.procs\n"));
	assert_true(strstr(commands, "cpu.cfs_quota_us\n") || strstr(commands, "cpu.max\n"));
	/* From one kind to the other: the groups are made anew. */
	enter(f, &f->first, SCHEDULER_CPU_WEIGHT);
	check_file(in, "cpu.max", "max 100000\n", "cpu.cfs_quota_us", "-1\n");
	/* At the end of a run, whatever is in place. */
	scheduling_stop(&f->s);
	assert_int_equal(access(in, F_OK), -1);
	f->s.active = SCHEDULER_NONE;
}

/* What a lab leaves that was killed. */
static void test_clean(void **state)
{
	struct fixture *f = *state;
	struct cgroup_host h;
	char in[CGROUP_PATH_SIZE];

	if (!possible(SCHEDULER_CPU_WEIGHT))
		return;
	enter(f, &f->first, SCHEDULER_CPU_WEIGHT);
	group_of(f, 1, in);
	for (size_t i = 0; i < N_VMS; i++)
		kill(f->pid[i], SIGKILL);
	assert_int_equal(cgroup_probe("", &h), 0);
	assert_true(cgroups_left_remove(getpid() + 1) == 0); /* another run's are left alone */
	assert_int_equal(access(in, F_OK), 0);
	assert_int_equal(cgroups_left_remove(getpid()), N_VMS);
	assert_int_equal(access(in, F_OK), -1);
	free(f->s.cgroups);
	f->s.cgroups = NULL;
	f->s.active = SCHEDULER_NONE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_administrator), cmocka_unit_test(test_administrator_rx),
		cmocka_unit_test(test_htb_tuned),
		cmocka_unit_test(test_cni),           cmocka_unit_test(test_proxmox),
		cmocka_unit_test(test_libvirt),       cmocka_unit_test(test_cpu_weight),
		cmocka_unit_test(test_cpu_quota),     cmocka_unit_test(test_clean),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP network namespaces and control groups: run as root\n");
		return EXIT_SUCCESS;
	}
	if (proc_init() < 0)
		return EXIT_FAILURE;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
