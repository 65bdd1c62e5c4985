/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is behind a tap, by its command line: those of real life, and nonsense. */
#include "kernel/vmm/vmm_cmdline.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define ARGS 32

static const struct expectation {
	const char *what;
	const char *comm;
	const char *argv[ARGS];
	const char *tap;
	int fds[4];
	size_t n_fds;
	const char *vmm, *vm, *model, *mac;
	enum vmm_waits waits;
} table[] = {
	{ "QEMU by hand",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-name", "web,debug-threads=on", "-netdev",
	    "tap,id=n0,ifname=tap0,script=no", "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:AA:bb:cc" },
	  "tap0",
	  { 9 },
	  1,
	  "qemu",
	  "web",
	  "virtio-net-pci",
	  "52:54:00:aa:bb:cc",
	  VMM_WAITS_YES },
	{ "QEMU, second of two NICs, device before netdev",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-name", "guest=db", "-device", "e1000,netdev=n1,mac=52:54:00:00:00:02",
	    "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01", "-netdev", "tap,id=n0,ifname=tap0",
	    "-netdev", "tap,id=n1,ifname=tap1" },
	  "tap1",
	  { 10 },
	  1,
	  "qemu",
	  "db",
	  "e1000",
	  "52:54:00:00:00:02",
	  VMM_WAITS_NO },
	{ "QEMU, a name that would forge a line of the log",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-name", "a\ndivvyd: release: all", "-nic", "tap,ifname=vm1,model=e1000,mac=52:54:00:00:00:03" },
	  "vm1",
	  { 9 },
	  1,
	  "qemu",
	  "a\\x0adivvyd: release: all",
	  "e1000",
	  "52:54:00:00:00:03",
	  VMM_WAITS_NO },
	{ "QEMU -nic",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-nic", "tap,ifname=vm1,model=e1000,mac=52:54:00:00:00:03", "-nic",
	    "user" },
	  "vm1",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "e1000",
	  "52:54:00:00:00:03",
	  VMM_WAITS_NO },
	{ "QEMU -nic without model: the machine type decides",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-name", "x", "-nic", "tap,ifname=vm1" },
	  "vm1",
	  { 9 },
	  1,
	  "qemu",
	  "x",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "QEMU --nic with two dashes, model=virtio",
	  "qemu-system-aar",
	  { "/opt/bin/qemu-system-aarch64", "--name", "x", "--nic", "type=tap,ifname=vm1,model=virtio" },
	  "vm1",
	  { 9 },
	  1,
	  "qemu",
	  "x",
	  "virtio",
	  "",
	  VMM_WAITS_YES },
	{ "QEMU microvm",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-M", "microvm", "-netdev", "tap,id=net0,ifname=tap0,vhost=on", "-device",
	    "virtio-net-device,netdev=net0" },
	  "tap0",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "virtio-net-device",
	  "",
	  VMM_WAITS_YES },
	{ "QEMU rtl8139",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-netdev", "tap,id=a,ifname=tap0", "-device", "rtl8139,netdev=a" },
	  "tap0",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "rtl8139",
	  "",
	  VMM_WAITS_NO },
	{ "QEMU -net, joined by the hub",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-net", "nic,model=ne2k_pci,macaddr=52:54:00:00:00:09", "-net",
	    "tap,ifname=tap0" },
	  "tap0",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "ne2k_pci",
	  "52:54:00:00:00:09",
	  VMM_WAITS_NO },
	{ "QEMU -net with two NICs on the hub: which one cannot be told",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-net", "nic,model=e1000", "-net", "nic,model=virtio", "-net",
	    "tap,ifname=tap0" },
	  "tap0",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "QEMU, tap named by its bridge helper",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-netdev", "bridge,br=br0,id=n0", "-device", "virtio-net-pci,netdev=n0" },
	  "tap7",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "virtio-net-pci",
	  "",
	  VMM_WAITS_YES },
	{ "QEMU, two unnamed taps: not guessed",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-netdev", "tap,id=n0", "-netdev", "tap,id=n1", "-device",
	    "virtio-net-pci,netdev=n0", "-device", "e1000,netdev=n1" },
	  "tap7",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "QEMU, plugged in later",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-name", "late", "-nic", "none" },
	  "tap7",
	  { 9 },
	  1,
	  "qemu",
	  "late",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "QEMU, comma in the name; other process name",
	  "web",
	  { "/usr/bin/qemu-system-x86_64", "-name", "a,,b,process=web", "-nic",
	    "tap,ifname=t,model=virtio-net-pci" },
	  "t",
	  { 9 },
	  1,
	  "qemu",
	  "a,b",
	  "virtio-net-pci",
	  "",
	  VMM_WAITS_YES },
	{ "libvirt with JSON",
	  "qemu-system-x86",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=web,debug-threads=on", "-S", "-object",
	    "{\"qom-type\":\"secret\",\"id\":\"masterKey0\"}", "-netdev",
	    "{\"type\":\"tap\",\"fd\":\"33\",\"vhost\":true,\"vhostfd\":\"36\",\"id\":\"hostnet0\"}",
	    "-device",
	    ("{\"driver\":\"virtio-net-pci\",\"netdev\":\"hostnet0\",\"id\":\"net0\","
	     "\"mac\":\"52:54:00:11:22:33\",\"bus\":\"pci.1\",\"addr\":\"0x0\"}") },
	  "vnet0",
	  { 33 },
	  1,
	  "qemu",
	  "web",
	  "virtio-net-pci",
	  "52:54:00:11:22:33",
	  VMM_WAITS_YES },
	{ "libvirt with JSON, multi-queue, second NIC",
	  "qemu-system-x86",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=web", "-netdev",
	    "{\"type\":\"tap\",\"fds\":\"33:34\",\"id\":\"hostnet0\"}", "-device",
	    "{\"driver\":\"virtio-net-pci\",\"mq\":true,\"vectors\":6,\"netdev\":\"hostnet0\"}", "-netdev",
	    "{\"type\":\"tap\",\"fds\":\"35:36\",\"id\":\"hostnet1\"}", "-device",
	    "{\"driver\":\"e1000e\",\"netdev\":\"hostnet1\",\"mac\":\"52:54:00:11:22:34\"}" },
	  "vnet1",
	  { 35, 36 },
	  2,
	  "qemu",
	  "web",
	  "e1000e",
	  "52:54:00:11:22:34",
	  VMM_WAITS_NO },
	{ "libvirt before JSON, fds=",
	  "qemu-kvm",
	  { "/usr/libexec/qemu-kvm", "-name", "guest=old,debug-threads=on", "-netdev",
	    "tap,fds=30:31,id=hostnet0,vhost=on,vhostfds=32:33", "-device",
	    "virtio-net-pci,mq=on,netdev=hostnet0,id=net0,mac=52:54:00:00:00:aa" },
	  "vnet0",
	  { 30, 31 },
	  2,
	  "qemu",
	  "old",
	  "virtio-net-pci",
	  "52:54:00:00:00:aa",
	  VMM_WAITS_YES },
	{ "vhostfd is not fd",
	  "qemu-kvm",
	  { "/usr/libexec/qemu-kvm", "-netdev", "tap,fd=30,id=hostnet0,vhostfd=32", "-device",
	    "virtio-net-pci,netdev=hostnet0" },
	  "vnet0",
	  { 32 },
	  1,
	  "qemu",
	  "",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "broken JSON",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-netdev", "{\"type\":\"tap\",", "-device", "{" },
	  "tap0",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "JSON that is no object",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-device", "{\"netdev\":[1]}", "-name" },
	  "tap0",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "Proxmox",
	  "kvm",
	  { "/usr/bin/kvm", "-id", "100", "-name", "vm100,debug-threads=on", "-netdev",
	    "type=tap,id=net0,ifname=tap100i0,script=/usr/libexec/qemu-server/pve-bridge,vhost=on", "-device",
	    "virtio-net-pci,mac=BC:24:11:00:00:01,netdev=net0,bus=pci.0,addr=0x12,id=net0" },
	  "tap100i0",
	  { 20 },
	  1,
	  "qemu",
	  "vm100",
	  "virtio-net-pci",
	  "bc:24:11:00:00:01",
	  VMM_WAITS_YES },
	{ "Proxmox without a name",
	  "kvm",
	  { "/usr/bin/kvm", "-id", "100" },
	  "tap100i0",
	  { 20 },
	  1,
	  "qemu",
	  "100",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "VirtualBox",
	  "VBoxHeadless",
	  { "/usr/lib/virtualbox/VBoxHeadless", "--comment", "my vm", "--startvm",
	    "6f9b2f2e-0000-4000-8000-000000000001", "--vrde", "config" },
	  "tap0",
	  { 30 },
	  1,
	  "virtualbox",
	  "my vm",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "VirtualBox by hand",
	  "VBoxHeadless",
	  { "VBoxHeadless", "-startvm", "mine" },
	  "tap0",
	  { 30 },
	  1,
	  "virtualbox",
	  "mine",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "Firecracker",
	  "firecracker",
	  { "/usr/bin/firecracker", "--api-sock", "/run/fc.sock", "--id", "fc-1" },
	  "tap0",
	  { 12 },
	  1,
	  "firecracker",
	  "fc-1",
	  "virtio-net",
	  "",
	  VMM_WAITS_NO },
	{ "Firecracker, versioned, --id=",
	  "firecracker-v1.",
	  { "firecracker-v1.7.0-x86_64", "--id=x" },
	  "tap0",
	  { 12 },
	  1,
	  "firecracker",
	  "x",
	  "virtio-net",
	  "",
	  VMM_WAITS_NO },
	{ "Cloud Hypervisor",
	  "cloud-hyperviso",
	  { "cloud-hypervisor", "--api-socket", "/run/ch/web.sock", "--net", "tap=tap0,mac=52:54:00:00:00:11",
	    "tap=tap1,mac=52:54:00:00:00:12", "--cpus", "boot=2" },
	  "tap1",
	  { 14 },
	  1,
	  "cloud-hypervisor",
	  "web",
	  "virtio-net",
	  "52:54:00:00:00:12",
	  VMM_WAITS_YES },
	{ "Cloud Hypervisor, descriptors",
	  "cloud-hyperviso",
	  { "cloud-hypervisor", "--net", "fd=[3,4],mac=52:54:00:00:00:11,num_queues=4", "--api-socket",
	    "path=/run/vc/vm/db/clh-api.sock" },
	  "tap1",
	  { 3, 4 },
	  2,
	  "cloud-hypervisor",
	  "db",
	  "virtio-net",
	  "52:54:00:00:00:11",
	  VMM_WAITS_YES },
	{ "Cloud Hypervisor, nothing named",
	  "cloud-hyperviso",
	  { "cloud-hypervisor", "--net=mac=52:54:00:00:00:13", "--api-socket", "fd=5" },
	  "vmtap0",
	  { 3 },
	  1,
	  "cloud-hypervisor",
	  "",
	  "virtio-net",
	  "52:54:00:00:00:13",
	  VMM_WAITS_YES },
	{ "kvmtool",
	  "lkvm",
	  { "lkvm", "run", "--name", "k1", "-n", "mode=tap,tapif=tap0" },
	  "tap0",
	  { 3 },
	  1,
	  "kvmtool",
	  "k1",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "no VMM",
	  "openvpn",
	  { "/usr/sbin/openvpn", "--config", "x.conf" },
	  "tap0",
	  { 3 },
	  1,
	  "openvpn",
	  "",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "no command line",
	  "strange",
	  { NULL },
	  "tap0",
	  { 3 },
	  1,
	  "strange",
	  "",
	  "",
	  "",
	  VMM_WAITS_UNKNOWN },
	{ "a MAC that is none",
	  "qemu-system-x86",
	  { "qemu-system-x86_64", "-nic", "tap,ifname=t,model=e1000,mac=52:54:00:0:0:3" },
	  "t",
	  { 9 },
	  1,
	  "qemu",
	  "",
	  "e1000",
	  "",
	  VMM_WAITS_NO },
};

static void describes_real_command_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct expectation *e = &table[i];
		struct vmm_nic nic = { .pid = 7, .queues = 3 };
		char *argv[ARGS];

		for (size_t k = 0; k < ARGS; k++)
			argv[k] = e->argv[k] ? strdup(e->argv[k]) : NULL;
		vmm_describe(&(struct vmm_program){ "", e->comm, argv }, e->tap, e->fds, e->n_fds, &nic);
		if (strcmp(nic.vmm, e->vmm) || strcmp(nic.vm, e->vm) || strcmp(nic.model, e->model) ||
		    strcmp(nic.mac, e->mac) || nic.waits != e->waits)
			print_message("# %s: %s \"%s\" %s %s %s\n", e->what, nic.vmm, nic.vm, nic.model,
				      nic.mac, nic.why);
		assert_string_equal(nic.vmm, e->vmm);
		assert_string_equal(nic.vm, e->vm);
		assert_string_equal(nic.model, e->model);
		assert_string_equal(nic.mac, e->mac);
		assert_int_equal(nic.waits, e->waits);
		assert_int_equal(nic.why[0] == '\0', e->waits == VMM_WAITS_YES);
		assert_int_equal(nic.pid, 7);
		assert_int_equal(nic.queues, 3);
		for (size_t k = 0; k < ARGS; k++)
			free(argv[k]);
	}
}

/* Any bytes may stand on a command line: nothing is read or written beyond (ASan watches). */
static void takes_any_command_line(void **state)
{
	static const char alphabet[] = "-,=:{}[]\"tapnicfdsvet0139 ";
	static const char *const options[] = { "-netdev", "-device", "-nic",        "-net",
					       "-name",   "--net",   "--api-socket" };
	static const char *const comms[] = { "qemu-system-x86", "cloud-hyperviso", "firecracker",
					     "VBoxHeadless" };
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[8][600], *argv[9];
		struct vmm_nic nic = { 0 };
		const int fds[] = { 3 };

		for (int a = 0; a < 8; a++) {
			size_t len = rand_r(&seed) % (round % 100 ? 40 : 599);

			for (size_t k = 0; k < len; k++)
				text[a][k] = alphabet[rand_r(&seed) % (sizeof(alphabet) - 1)];
			text[a][len] = '\0';
			if (a % 2 == 0)
				strcpy(text[a], options[rand_r(&seed) % ARRAY_SIZE(options)]);
			argv[a] = text[a];
		}
		argv[rand_r(&seed) % 9] = NULL;
		argv[8] = NULL;
		vmm_describe(&(struct vmm_program){ "", comms[round % ARRAY_SIZE(comms)], argv }, "tap0", fds, 1, &nic);
		assert_true(strlen(nic.vm) < sizeof(nic.vm) && strlen(nic.model) < sizeof(nic.model));
	}
}

/* What is no VMM is not paused, also if it is called as divvy calls a VMM. */
static void knows_vmms(void **state)
{
	static const char *const programs[] = { "qemu-system-x86_64", "VBoxHeadless", "firecracker",
						"cloud-hypervisor",   "crosvm",       "lkvm" };
	static const char *const others[] = { "", "libvirtd", "rpc-virtqemud", "openvpn", "qemu", "virtualbox" };
	char *argv[] = { NULL };
	struct vmm_nic nic;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		vmm_describe(&(struct vmm_program){ "", programs[i], argv }, "tap0", NULL, 0, &nic);
		assert_true(nic.known);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		vmm_describe(&(struct vmm_program){ "", others[i], argv }, "tap0", NULL, 0, &nic);
		assert_false(nic.known);
		assert_string_equal(nic.vmm, others[i]);
		assert_int_equal(nic.reason, VMM_WHY_NO_VMM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(describes_real_command_lines),
		cmocka_unit_test(takes_any_command_line),
		cmocka_unit_test(knows_vmms),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_vmm_cmdline", tests, NULL, NULL);
}
