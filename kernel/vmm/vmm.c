/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm.h"

#include "tunfd.h"
#include "vhost.h"
#include "vmm_options.h"
#include "vmm_qemu.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/proc/privilege.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More than any VMM's; what lies behind is not looked at. */
#define CMDLINE_MAX (1024 * 1024)

struct nic_list {
	struct vmm_nic *nics;
	size_t n, room;
};

static void nic_list_free(struct nic_list *l)
{
	free(l->nics);
}

static struct vmm_nic *nic_list_add(struct nic_list *l)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 8;
		struct vmm_nic *more = realloc(l->nics, room * sizeof(*more));

		if (!more)
			return NULL;
		l->nics = more;
		l->room = room;
	}
	memset(&l->nics[l->n], 0, sizeof(l->nics[l->n]));
	return &l->nics[l->n++];
}

/* Pointers into cmdline, NULL-terminated. */
static char **split_cmdline(char *cmdline, size_t size)
{
	size_t n = 0;
	char **argv;

	for (size_t i = 0; i < size; i++)
		n += cmdline[i] == '\0';
	argv = calloc(n + 2, sizeof(*argv));
	if (!argv)
		return NULL;
	n = 0;
	for (size_t i = 0; i < size; i += strlen(cmdline + i) + 1)
		argv[n++] = cmdline + i;
	return argv;
}

/* How a process is called, as far as it may be read. */
struct program {
	char exe[PATH_MAX];
	char comm[32];
	char *cmdline; /* owned */
	char **argv;   /* owned, into cmdline; NULL-terminated */
};

static void program_free(struct program *p)
{
	free(p->cmdline);
	free(p->argv);
}

static int read_program(int procdir, struct program *p)
{
	ssize_t k = file_read_alloc(procdir, "cmdline", CMDLINE_MAX, &p->cmdline);

	if (k < 0)
		return (int)k;
	p->argv = split_cmdline(p->cmdline, (size_t)k);
	if (!p->argv)
		return -ENOMEM;
	k = file_read(procdir, "comm", p->comm, sizeof(p->comm));
	if (k < 0)
		return (int)k;
	if (k > 0 && p->comm[k - 1] == '\n') /* the file's; another one is part of the name */
		p->comm[k - 1] = '\0';
	k = readlinkat(procdir, "exe", p->exe, sizeof(p->exe) - 1);
	p->exe[k > 0 ? k : 0] = '\0'; /* an exe that may not be read is not known */
	return 0;
}

static struct vmm_program called(const struct program *p)
{
	return (struct vmm_program){ .exe = p->exe, .comm = p->comm, .argv = p->argv };
}

/* Keep the queues of taps of this network namespace. A fake tree has nothing that could be borrowed. */
static int keep_ours(const char *root, pid_t pid, struct tunfd *fds, size_t *n)
{
	_cleanup_close_ int pidfd = -1;
	size_t kept = 0;

	if (strcmp(root, PROCFS_ROOT))
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	for (size_t i = 0; i < *n; i++) {
		_cleanup_close_ int fd = tunfd_borrow(pidfd, fds[i].fd);
		int r = fd < 0 ? fd : tunfd_is(fd, fds[i].name);

		if (r == -EPERM || procfs_own_want(r))
			return r;
		if (r > 0)
			fds[kept++] = fds[i];
	}
	*n = kept;
	return 0;
}

static int compare_tunfd(const void *a, const void *b)
{
	const struct tunfd *x = a, *y = b;
	int r = strncmp(x->name, y->name, IFNAMSIZ);

	return r ? r : (x->fd > y->fd) - (x->fd < y->fd);
}

/*
 * Of one process's NICs, from what its command line asks for. A VMM whose /dev/vhost-net cannot be opened goes on without;
 * a NIC that the command line does not tell of has vhost if there are enough descriptors for all queues.
 */
static void judge_vhost(struct vmm_nic *nics, size_t n, size_t queues, int procdir)
{
	int open = vhost_net_count(procdir);

	for (size_t i = 0; i < n; i++) {
		if (open == 0)
			nics[i].vhost = VMM_VHOST_NO;
		else if (open > 0 && (size_t)open >= queues && nics[i].vhost == VMM_VHOST_UNKNOWN)
			nics[i].vhost = VMM_VHOST_YES;
	}
}

/* A NIC was plugged in: which of the taps is the one that the command line does not name? */
static void take_back_guesses(struct vmm_nic *nics, size_t n)
{
	size_t guesses = 0;

	for (size_t i = 0; i < n; i++)
		guesses += nics[i].guessed;
	for (size_t i = 0; i < n && guesses > 1; i++) {
		if (!nics[i].guessed)
			continue;
		nics[i].guessed = false;
		nics[i].mac[0] = '\0';
		nics[i].vhost = VMM_VHOST_UNKNOWN;
		if (strcmp(nics[i].vmm, "qemu") != 0) /* others have one model */
			continue;
		nics[i].model[0] = '\0';
		vmm_qemu_judge("", &nics[i]);
	}
}

/* One entry a tap, from descriptors sorted by tap. */
static int add_taps(struct nic_list *l, int procdir, pid_t pid, const struct tunfd *fds, size_t n)
{
	_cleanup_(program_free) struct program program = { 0 };
	_cleanup_free_ int *numbers = calloc(n, sizeof(*numbers));
	const size_t first = l->n;
	struct vmm_program p;
	uint64_t start;
	int r;

	if (!numbers)
		return -ENOMEM;
	r = read_program(procdir, &program);
	if (r >= 0)
		r = procfs_start_time(procdir, &start);
	if (r < 0)
		return r;
	p = called(&program);
	for (size_t i = 0, j; i < n; i = j) {
		struct vmm_nic *nic = nic_list_add(l);
		size_t n_numbers = 0;

		if (!nic)
			return -ENOMEM;
		/* The command line means no descriptor that came after it, whatever its number. */
		for (j = i; j < n && !strncmp(fds[j].name, fds[i].name, IFNAMSIZ); j++)
			if (fds[j].inherited)
				numbers[n_numbers++] = fds[j].fd;
		vmm_copy(nic->tap, sizeof(nic->tap), fds[i].name);
		nic->pid = pid;
		nic->start_time = start;
		nic->queues = (uint32_t)(j - i);
		vmm_describe(&p, nic->tap, numbers, n_numbers, nic);
	}
	take_back_guesses(l->nics + first, l->n - first);
	judge_vhost(l->nics + first, l->n - first, n, procdir);
	return 0;
}

static int add_process(struct nic_list *l, const char *root, int rootdir, const char *name, pid_t pid)
{
	_cleanup_close_ int procdir = openat(rootdir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ struct tunfd *fds = NULL;
	size_t n, before = l->n;
	int r;

	if (procdir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = tunfd_list(procdir, &fds, &n);
	if (r < 0 || n == 0)
		return r;
	r = keep_ours(root, pid, fds, &n);
	if (r < 0 || n == 0)
		return r;
	qsort(fds, n, sizeof(*fds), compare_tunfd);
	r = add_taps(l, procdir, pid, fds, n);
	if (r < 0)
		l->n = before;
	return r;
}

/*
 * By name; of several holders the likeliest VMM first: one that is known, surely so, with most queues, oldest. A wrapper
 * that calls itself as the VMM that it has started holds the tap, too.
 */
static int compare_nic(const void *a, const void *b)
{
	const struct vmm_nic *x = a, *y = b;
	int r = strncmp(x->tap, y->tap, IFNAMSIZ);

	if (!r)
		r = y->known - x->known;
	if (!r)
		r = y->certain - x->certain;
	if (!r)
		r = (y->queues > x->queues) - (y->queues < x->queues);
	return r ? r : (x->pid > y->pid) - (x->pid < y->pid);
}

static void one_holder_each(struct nic_list *l)
{
	size_t kept = 0;

	if (l->n)
		qsort(l->nics, l->n, sizeof(*l->nics), compare_nic);
	for (size_t i = 0; i < l->n; i++)
		if (!kept || strncmp(l->nics[kept - 1].tap, l->nics[i].tap, IFNAMSIZ))
			l->nics[kept++] = l->nics[i];
	l->n = kept;
}

/* A process may not be looked into: it matters if it looks like a VMM, which any process may see. */
static void note_refused(struct vmm_sight *sight, int rootdir, const char *name, pid_t pid, int error)
{
	_cleanup_close_ int procdir = openat(rootdir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(program_free) struct program program = { 0 };
	struct vmm_program p;

	if (procdir < 0 || read_program(procdir, &program) < 0)
		return;
	p = called(&program);
	sight_note(sight, pid, program.comm, vmm_is_known(&p), error);
}

int vmm_scan(const char *root, struct vmm_nic **nics, size_t *n, struct vmm_sight *sight)
{
	_cleanup_(nic_list_free) struct nic_list l = { 0 };
	_cleanup_(closedirp) DIR *dir = opendir(root);
	struct vmm_sight seen = { 0 };
	struct dirent *e;

	if (!dir) {
		int err = -errno;

		sight_no_proc(sight, err);
		return err;
	}
	while ((e = readdir(dir))) {
		pid_t pid = procfs_parse_pid(e->d_name);
		int r = pid ? add_process(&l, root, dirfd(dir), e->d_name, pid) : 0;

		if (procfs_own_want(r))
			return r;
		if (r == -EACCES || r == -EPERM)
			note_refused(&seen, dirfd(dir), e->d_name, pid, r);
	}
	sight_judge(&seen, root, privilege_holds_ptrace());
	*sight = seen;
	one_holder_each(&l);
	*nics = TAKE_PTR(l.nics);
	*n = l.n;
	return 0;
}

int vmm_scan_pid(const char *root, pid_t pid, struct vmm_nic **nics, size_t *n)
{
	_cleanup_(nic_list_free) struct nic_list l = { 0 };
	_cleanup_close_ int rootdir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[16];
	int r;

	if (rootdir < 0)
		return -errno;
	if (pid <= 0)
		return -ESRCH;
	snprintf(name, sizeof(name), "%d", (int)pid);
	r = add_process(&l, root, rootdir, name, pid);
	if (r < 0)
		return r;
	one_holder_each(&l);
	*nics = TAKE_PTR(l.nics);
	*n = l.n;
	return 0;
}

int vmm_start_time(const char *root, pid_t pid, uint64_t *ticks)
{
	_cleanup_close_ int procdir = procfs_open(root, pid);

	return procdir < 0 ? procdir : procfs_start_time(procdir, ticks);
}
