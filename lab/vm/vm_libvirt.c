/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * A VM that libvirt starts and stops: a real libvirtd (and virtlogd), started with the first such VM and
 * ended with the last, in the lab's host namespace, so that it makes the VM's tap there and puts it on the
 * bridge. lab/vm/libvirt.sh starts them in a mount namespace of their own, in which the directories that libvirt
 * keeps its state in are empty; a libvirtd that the machine has runs on beside it. What is needed from that
 * namespace is reached through /proc/PID/root: the agent's socket, the domain's pid. virsh is run inside it.
 *
 * The domain is defined by the XML below: transient, so nothing stays of it. Cgroups are libvirt's own
 * affair. QEMU is libvirtd's child and not the lab's: a pidfd tells whether it lives. If the lab is killed,
 * the janitor of topo.c finds all of them by their network namespace.
 *
 * Without systemd and its message bus, and on machines that mount cgroup v1 and v2 side by side, libvirtd 9.0
 * complains and works. What it does not work without is the user libvirt-qemu; libvirt.sh says more.
 */

#include "vm_impl.h"

#include "base/cleanup.h"
#include "lab/proc/lines.h"
#include "lab/proc/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define START_NS (30 * 1000000000ULL)
#define STOP_MS 5000
#define EMULATOR "/usr/bin/qemu-system-x86_64" /* Debian's */

/* The one libvirtd of the lab. */
static struct {
	pid_t pid; /* of what started it; 0: none. It is in the mount namespace. */
	char root[32]; /* the namespace's root, as the lab sees it */
	struct lines says;
	bool ready;
	unsigned users;
} server = { .says = { .fd = -1 } };

/* --- virtlogd and libvirtd --- */

static int is_ready(void *arg)
{
	(void)arg;
	return server.ready ? 1 : proc_alive(server.pid, NULL) ? 0 : -EPIPE;
}

static void on_line(void *arg, const char *line, uint64_t at_ns)
{
	(void)arg;
	(void)at_ns;
	server.ready |= strncmp(line, "ready", 5) == 0;
}

static void server_stop(void)
{
	if (server.pid > 0)
		proc_stop(server.pid, SIGTERM, STOP_MS, NULL);
	lines_close(&server.says);
	server.pid = 0;
	server.ready = false;
}

/*
 * unshare(1) without --fork becomes the script, which is thus the lab's child, in the new namespace.
 */
static int server_start(const struct vm *vm, struct errtext *e)
{
	_cleanup_close_ int out = -1;
	char root[IMAGE_DIR_MAX], script[IMAGE_DIR_MAX + 32];
	const char *argv[] = { "unshare", "--mount", "sh", script, NULL };
	struct spawn s = SPAWN_INIT;
	int r = image_tree(root, e);

	server.says = (struct lines){ .said = on_line, .fd = -1 };
	if (r == 0)
		r = lines_pipe(&server.says, &out, e);
	if (r < 0)
		return r;
	snprintf(script, sizeof(script), "%s/lab/vm/libvirt.sh", root);
	s.argv = argv;
	s.netns = vm->config.netns;
	s.out = out;
	s.err = vm->console;
	r = proc_spawn(&s, &server.pid, e);
	if (r == 0) {
		snprintf(server.root, sizeof(server.root), "/proc/%d/root", server.pid);
		r = loop_while(is_ready, NULL, clock_now_ns() + START_NS);
		if (r < 0 && r != -EINTR)
			errtext_set(e, r, "libvirtd: %.300s", vm_last_words(vm));
	}
	if (r < 0)
		server_stop();
	return r;
}

/* virsh, beside libvirtd. arg: of the verb. */
static int virsh(const char *verb, const char *arg, const char *input, struct errtext *e)
{
	char mount[32], net[32];
	const char *argv[] = {
		"nsenter", mount, net, "virsh", "-q", "-c", "qemu:///system", verb, arg, NULL
	};

	snprintf(mount, sizeof(mount), "--mount=/proc/%d/ns/mnt", server.pid);
	snprintf(net, sizeof(net), "--net=/proc/%d/ns/net", server.pid);
	return proc_runv(NULL, argv, input, NULL, e);
}

/* --- the domain --- */

static void write_nic(FILE *f, const struct vm_config *c)
{
	if (!c->tap)
		return;
	/*
	 * A tap of libvirt's making in both cases: a port of the bridge, or with an address for the guest to
	 * route to.
	 */
	if (c->bridge)
		fprintf(f, "<interface type='bridge'><source bridge='%s'/>", c->bridge);
	else
		fprintf(f, "<interface type='ethernet'><source><ip address='%s' prefix='24'/></source>",
			c->gateway);
	fprintf(f, "<mac address='%s'/><target dev='%s'/><model type='%s'/>", c->mac, c->tap, vm_nic_name(c->nic));
	if (c->queues > 1)
		fprintf(f, "<driver queues='%u'/>", c->queues);
	fprintf(f, "<rom enabled='no'/></interface>\n");
}

/*
 * The same machine as vm_qemu.c's, as far as libvirt lets one say so. Names and paths are the lab's own: no
 * escapes.
 */
static char *domain_xml(const struct vm_config *c)
{
	const bool kvm = c->accel == ACCEL_KVM;
	char line[VM_KERNEL_LINE_SIZE], *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, "<domain type='%s'>\n<name>%s</name>\n", kvm ? "kvm" : "qemu", c->name);
	fprintf(f, "<memory unit='MiB'>%u</memory>\n<vcpu current='%u'>%u</vcpu>\n",
		c->memory_mb ? c->memory_mb : 160, vm_cpus(c), vm_cpus_max(c));
	fprintf(f,
		"<os><type arch='x86_64' machine='q35'>hvm</type>\n<kernel>%s</kernel><initrd>%s</initrd>\n",
		c->image->kernel, c->image->initrd);
	fprintf(f, "<cmdline>%s</cmdline></os>\n<features><acpi/></features>\n", vm_kernel_line(c, line));
	fprintf(f, kvm ? "<cpu mode='host-passthrough'/>\n" :
			 "<cpu mode='custom' match='exact' check='none'><model>Nehalem</model></cpu>\n");
	fprintf(f, "<on_reboot>destroy</on_reboot>\n<devices>\n<emulator>%s</emulator>\n", EMULATOR);
	fprintf(f, "<controller type='usb' model='none'/>\n<memballoon model='none'/>\n");
	fprintf(f, "<channel type='unix'><source mode='bind' path='/run/libvirt/agent-%s'/>", c->name);
	fprintf(f, "<target type='virtio' name='divvy.agent'/></channel>\n");
	write_nic(f, c);
	fprintf(f, "</devices>\n</domain>\n");
	return fclose(f) == 0 ? text : NULL;
}

/* QEMU listens there from its start; libvirtd has waited for that. */
static int connect_agent(struct vm *vm, struct errtext *e)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/run/libvirt/agent-%s", server.root, vm->config.name);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return errtext_set(e, -errno, "the agent's port of %s: %s", vm->config.name, strerror(errno));
	return agent_open(&vm->agent, &fd, e);
}

static int find_pid(struct vm *vm, struct errtext *e)
{
	_cleanup_free_ char *text = NULL;
	char path[128];
	int r;

	snprintf(path, sizeof(path), "%s/run/libvirt/qemu/%s.pid", server.root, vm->config.name);
	r = proc_read_ns(NULL, path, &text);
	if (r < 0)
		return errtext_set(e, r, "%s: %s", path, strerror(-r));
	vm->pid = atoi(text);
	vm->pidfd = (int)syscall(SYS_pidfd_open, vm->pid, 0);
	return vm->pidfd < 0 ? errtext_set(e, -errno, "%s: QEMU is gone", vm->config.name) : 0;
}

static int libvirt_boot(struct vm *vm, struct errtext *e)
{
	_cleanup_free_ char *xml = domain_xml(&vm->config);
	int r = xml ? 0 : errtext_set(e, -ENOMEM, "out of memory");

	if (r == 0 && server.pid == 0)
		r = server_start(vm, e);
	if (r < 0)
		return r;
	server.users++;
	vm->registered = true;
	r = virsh("create", "/dev/stdin", xml, e);
	if (r == 0)
		r = find_pid(vm, e);
	return r == 0 ? connect_agent(vm, e) : r;
}

static bool libvirt_alive(const struct vm *vm)
{
	struct pollfd p = { .fd = vm->pidfd, .events = POLLIN };

	return vm->pidfd >= 0 && poll(&p, 1, 0) == 0;
}

/*
 * As an operator does it; by hand only where libvirtd fails, or the lab was asked to end and does
 * not wait.
 */
static void libvirt_halt(struct vm *vm)
{
	struct pollfd p = { .fd = vm->pidfd, .events = POLLIN };

	if (!vm->registered)
		return;
	vm->registered = false;
	if (virsh("destroy", vm->config.name, NULL, NULL) < 0 && libvirt_alive(vm))
		syscall(SYS_pidfd_send_signal, vm->pidfd, SIGKILL, NULL, 0);
	if (vm->pidfd >= 0) {
		poll(&p, 1, STOP_MS);
		close(vm->pidfd);
	}
	vm->pidfd = -1;
	if (--server.users == 0)
		server_stop();
}

const struct vm_ops vm_ops_libvirt = {
	.what = "the domain",
	.boot = libvirt_boot,
	.halt = libvirt_halt,
	.alive = libvirt_alive,
	.cpu_ns = vm_child_cpu_ns,
};
