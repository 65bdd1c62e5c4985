/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cgroup that holds one VM and nothing else.
 *
 * Theory of Operation
 * What is paused must be all of the VM and nothing but the VM. "All" is the lowest cgroup that holds every
 * thread of its process: libvirt spreads vCPUs over sub-cgroups (threads, in v1 and in v2's threaded mode).
 * It is the VM's own if all processes inside are the VM or descend from it; helpers that libvirt starts
 * beside QEMU (swtpm) do not descend from it, so that scopes which are made for one VM each are known by
 * their path. If it is not, the VM is moved into "divvy-<name>" below its present cgroup: it keeps the limits
 * and the systemd unit that it had, for systemd looks for a unit's processes in sub-cgroups as well.
 *
 * Cgroup v2 does not let a cgroup have processes and enable controllers for its children at once, except for
 * the root (Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint"). A gate that needs a
 * controller therefore gets its cgroup below the nearest ancestor without processes.
 *
 * The home is kept in an extended attribute of the made cgroup, set before the VM is moved: whatever dies,
 * the next start can move the VM back.
 */
#include "place.h"

#include "lineage.h"
#include "owner.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/proc/procfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WAY_OUT "; start the VM in a cgroup of its own, e.g. systemd-run --scope -p Delegate=yes COMMAND"

/* Of what makes VMs, those whose cgroup holds one VM by construction. */
static const char *const one_vm_each[] = {
	"*/machine-*.scope",   "*/machine-*.scope/*",   /* systemd-machined: libvirt */
	"*/qemu.slice/*.scope", "*/qemu.slice/*.scope/*", /* Proxmox */
	"*/*.libvirt-qemu",    "*/*.libvirt-qemu/*",    /* libvirt without systemd */
};

__attribute__((format(printf, 3, 4)))
static int refuse(char why[PLACE_WHY_SIZE], int error, const char *form, ...)
{
	va_list ap;

	va_start(ap, form);
	vsnprintf(why, PLACE_WHY_SIZE, form, ap);
	va_end(ap);
	return error;
}

static bool is_root(const struct cgroup_host *h, enum cgroup_tree tree, const char *dir)
{
	return !strcmp(dir, h->mount[tree]);
}

static void to_parent(char *dir)
{
	char *slash = strrchr(dir, '/');

	if (slash)
		*slash = '\0';
}

/* Cut a to the deepest directory that holds both. */
static void common_ancestor(char *a, const char *b)
{
	for (;;) {
		size_t k = strlen(a);

		if (!strncmp(a, b, k) && (b[k] == '/' || b[k] == '\0'))
			return;
		to_parent(a);
	}
}

static bool is_threaded(const char *dir)
{
	char path[CGROUP_PATH_SIZE], type[64];

	return (size_t)snprintf(path, sizeof(path), "%s/cgroup.type", dir) < sizeof(path) &&
	       file_read(AT_FDCWD, path, type, sizeof(type)) > 0 && !strncmp(type, "threaded", 8);
}

/* The lowest cgroup that holds all threads and can list processes; *spread: they are in several. */
static int find_present(const struct cgroup_host *h, enum cgroup_tree tree, pid_t pid,
			char dir[CGROUP_PATH_SIZE], bool *spread)
{
	char path[CGROUP_PATH_SIZE], who[64], of[CGROUP_PATH_SIZE];
	_cleanup_(closedirp) DIR *tasks = NULL;
	struct dirent *e;
	bool any = false;
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s" PROCFS_ROOT "/%d/task", h->prefix, (int)pid) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	tasks = opendir(path);
	if (!tasks)
		return -ESRCH;
	*spread = false;
	while ((e = readdir(tasks))) {
		pid_t tid = procfs_parse_pid(e->d_name);

		if (!tid)
			continue;
		snprintf(who, sizeof(who), "%d/task/%d", (int)pid, (int)tid);
		r = cgroup_of_task(h, tree, who, of);
		if (r == -ESRCH) /* this thread ended */
			continue;
		if (r < 0)
			return r;
		if (!any)
			strcpy(dir, of);
		*spread = *spread || strcmp(dir, of);
		common_ancestor(dir, of);
		any = true;
	}
	while (any && !is_root(h, tree, dir) && is_threaded(dir)) {
		*spread = true;
		to_parent(dir);
	}
	return any ? 0 : -ESRCH;
}

/* *only_vm: all processes in the cgroup are the VM's; *ours: divvy is among them, or an ancestor of divvy. */
static int inspect(const struct cgroup_host *h, const char *dir, pid_t vm, bool *only_vm, bool *ours)
{
	_cleanup_free_ pid_t *pids = NULL;
	pid_t self = lineage_self(h);
	size_t n;
	int r;

	r = cgroup_processes(dir, &pids, &n);
	if (r < 0)
		return r;
	*only_vm = true;
	*ours = false;
	for (size_t i = 0; i < n; i++) {
		*only_vm = *only_vm && lineage_descends(h, pids[i], vm);
		*ours = *ours || lineage_descends(h, self, pids[i]);
	}
	return 0;
}

static bool is_one_vm_s(const char *dir)
{
	for (size_t i = 0; i < ARRAY_SIZE(one_vm_each); i++)
		if (!fnmatch(one_vm_each[i], dir, 0))
			return true;
	return false;
}

static bool read_home(const char *dir, char home[CGROUP_PATH_SIZE])
{
	const char *base = strrchr(dir, '/');
	ssize_t k;

	if (!base || strncmp(base + 1, PLACE_PREFIX, strlen(PLACE_PREFIX)))
		return false;
	k = getxattr(dir, PLACE_XATTR_HOME, home, CGROUP_PATH_SIZE - 1);
	home[k > 0 ? k : 0] = '\0';
	return k > 0;
}

static bool has_controller(const char *dir, const char *file, const char *controller)
{
	char path[CGROUP_PATH_SIZE], text[512], *save = NULL;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, file) >= sizeof(path) ||
	    file_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		if (!strcmp(w, controller))
			return true;
	return false;
}

static bool has_processes(const char *dir)
{
	char path[CGROUP_PATH_SIZE], text[16];
	ssize_t k;

	if ((size_t)snprintf(path, sizeof(path), "%s/cgroup.procs", dir) >= sizeof(path))
		return false;
	k = file_read(AT_FDCWD, path, text, sizeof(text));
	return k > 0 || k == -ENOBUFS;
}

/* Where a new cgroup may be made that has the controller. */
static void find_base(const struct cgroup_host *h, const struct place *p, const char *controller,
		      char base[CGROUP_PATH_SIZE])
{
	strcpy(base, p->home);
	if (p->tree != CGROUP_V2 || !controller)
		return;
	while (!is_root(h, p->tree, base) && !has_controller(base, "cgroup.subtree_control", controller) &&
	       has_processes(base))
		to_parent(base);
}

/* "divvy-<name>", or "divvy-<name>-<pid>" where another VM has taken that. */
static int choose_name(const char *base, const char *name, pid_t pid, char dir[CGROUP_PATH_SIZE])
{
	char clean[65];
	size_t k = 0;

	for (; name[k] && k + 1 < sizeof(clean); k++)
		clean[k] = isalnum((unsigned char)name[k]) || strchr("_.-", name[k]) ? name[k] : '_';
	clean[k] = '\0';
	if ((size_t)snprintf(dir, CGROUP_PATH_SIZE, "%s/" PLACE_PREFIX "%s-%d", base, clean, (int)pid) >=
	    CGROUP_PATH_SIZE)
		return -ENAMETOOLONG;
	if (k == 0)
		return 0;
	dir[strlen(dir) - (size_t)snprintf(NULL, 0, "-%d", (int)pid)] = '\0';
	if (access(dir, F_OK) == 0)
		snprintf(dir + strlen(dir), CGROUP_PATH_SIZE - strlen(dir), "-%d", (int)pid);
	return 0;
}

static int plan_new(const struct cgroup_host *h, const char *name, const char *controller, bool spread,
		    struct place *p, char why[PLACE_WHY_SIZE])
{
	const char *shown = p->dir + strlen(h->mount[p->tree]);
	char base[CGROUP_PATH_SIZE];

	if (spread)
		return refuse(why, -EBUSY,
			      "cgroup %s of process %d holds other processes, and the VM's threads are "
			      "spread below it" WAY_OUT,
			      *shown ? shown : "/", (int)p->vm.pid);
	strcpy(p->home, p->dir);
	find_base(h, p, controller, base);
	if (choose_name(base, name, p->vm.pid, p->dir) < 0)
		return refuse(why, -ENAMETOOLONG, "the path of cgroup %s is too long" WAY_OUT, shown);
	return 0;
}

int place_find(const struct cgroup_host *h, enum cgroup_tree tree, const struct process *vm, const char *name,
	       const char *controller, struct place *out, char why[PLACE_WHY_SIZE])
{
	struct place p = { .vm = *vm, .tree = tree };
	const pid_t pid = vm->pid;
	bool spread, only_vm, ours;
	int r;

	if (tree >= CGROUP_TREES)
		return refuse(why, -ENOENT, "this host (cgroup %s) has no hierarchy that could do it",
			      cgroup_mode(h));
	r = find_present(h, tree, pid, p.dir, &spread);
	/* After it: what was found is this process's. */
	if (r >= 0)
		r = lineage_check(h, vm);
	if (r == -ENOENT)
		return refuse(why, r, "the cgroup hierarchy that it needs is not mounted");
	if (r < 0)
		return r;
	if (lineage_descends(h, lineage_self(h), pid))
		return refuse(why, -EDEADLK, "process %d has started divvy: pausing it would pause divvy",
			      (int)pid);
	if (is_root(h, tree, p.dir)) {
		only_vm = ours = false;
	} else {
		r = inspect(h, p.dir, pid, &only_vm, &ours);
		if (r == -EOPNOTSUPP)
			return refuse(why, r, "cgroup %s does not list its processes" WAY_OUT, p.dir);
		if (r < 0)
			return r == -ENOENT || r == -ENODEV ? -ESRCH : r;
	}
	if (!is_root(h, tree, p.dir) && !ours && (only_vm || is_one_vm_s(p.dir))) {
		p.made = read_home(p.dir, p.home);
	} else {
		r = plan_new(h, name, controller, spread, &p, why);
		if (r < 0)
			return r;
	}
	*out = p;
	return 0;
}

/* Enable the controller in all ancestors of dir, from the root down. */
static int enable(const struct cgroup_host *h, const struct place *p, const char *controller)
{
	const char *mount = h->mount[p->tree];
	char dir[CGROUP_PATH_SIZE], text[32];

	if (p->tree != CGROUP_V2 || !controller || has_controller(p->dir, "cgroup.controllers", controller))
		return 0;
	snprintf(text, sizeof(text), "+%s", controller);
	for (size_t k = strlen(mount); p->dir[k]; k += 1 + strcspn(p->dir + k + 1, "/")) {
		int r;

		memcpy(dir, p->dir, k);
		dir[k] = '\0';
		if (has_controller(dir, "cgroup.subtree_control", controller))
			continue;
		r = cgroup_write(dir, "cgroup.subtree_control", text);
		if (r < 0)
			return r;
	}
	return 0;
}

static int move(const char *dir, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return cgroup_write(dir, "cgroup.procs", text);
}

/* Move the VM, and not a process that has got its pid meanwhile. */
static int move_vm(const struct cgroup_host *h, const struct place *p)
{
	struct place moved = *p;
	int r = lineage_check(h, &p->vm);

	if (r >= 0)
		r = move(p->dir, p->vm.pid);
	if (r < 0)
		return r;
	/* Still there: so it was there when the kernel took its number. */
	r = lineage_check(h, &p->vm);
	moved.made = true;
	if (r < 0)
		(void)place_leave(&moved);
	return r;
}

/* Its children come along; one that is forked meanwhile is born where its parent is by then. */
static void move_children(const struct cgroup_host *h, const struct place *p)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n;

	if (is_root(h, p->tree, p->home) || cgroup_processes(p->home, &pids, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (pids[i] != p->vm.pid && lineage_descends(h, pids[i], p->vm.pid))
			(void)move(p->dir, pids[i]);
}

/*
 * Another VM of this name may have entered its cgroup since place_find() chose the name for this one: then the name
 * with the pid. What is there by that name was left by a divvyd that died before it moved the VM; it is taken if no
 * process is in it. *existed: so it is. 0 or negative errno.
 */
static int make_dir(struct place *p, bool *existed)
{
	char end[16];
	size_t len = strlen(p->dir), more = (size_t)snprintf(end, sizeof(end), "-%d", (int)p->vm.pid);

	*existed = false;
	if (mkdir(p->dir, 0755) == 0)
		return 0;
	if (errno == EEXIST && (len < more || strcmp(p->dir + len - more, end) != 0)) {
		if (len + more >= sizeof(p->dir))
			return -ENAMETOOLONG;
		strcpy(p->dir + len, end);
		if (mkdir(p->dir, 0755) == 0)
			return 0;
	}
	*existed = errno == EEXIST && !has_processes(p->dir);
	return *existed ? 0 : -errno;
}

int place_enter(const struct cgroup_host *h, struct place *p, const char *controller,
		char why[PLACE_WHY_SIZE])
{
	bool make = *p->home && !p->made, existed = false;
	int r = 0;

	if (*p->home && p->made)
		owner_mark(p->dir);
	if (make) {
		r = make_dir(p, &existed);
		if (r < 0)
			return refuse(why, r, "cannot make cgroup %s: %s" WAY_OUT, p->dir, strerror(-r));
		if (!existed)
			(void)chmod(p->dir, 0755); /* as other cgroups are, whatever divvyd's umask */
		/* where attributes are not supported, a crash leaves the cgroup to the operator */
		owner_mark(p->dir);
		(void)setxattr(p->dir, PLACE_XATTR_HOME, p->home, strlen(p->home), 0);
	}
	r = enable(h, p, controller);
	if (r < 0) {
		refuse(why, r, "cannot enable the %s controller for cgroup %s: %s" WAY_OUT, controller,
		       p->dir, strerror(-r));
	} else if (make) {
		r = move_vm(h, p);
		if (r < 0)
			refuse(why, r, "cannot move process %d to cgroup %s: %s" WAY_OUT, (int)p->vm.pid,
			       p->dir, strerror(-r));
	}
	if (r < 0) {
		if (make && !existed)
			rmdir(p->dir);
		return r;
	}
	if (make)
		move_children(h, p);
	p->made = p->made || make;
	return 0;
}

/* Back home, or as near to it as still exists. */
static int move_back(const struct place *p, pid_t pid)
{
	char home[CGROUP_PATH_SIZE];
	int r;

	strcpy(home, p->home);
	do {
		r = move(home, pid);
		to_parent(home);
	} while ((r == -ENOENT || r == -ENODEV) && strlen(home) > 1);
	return r == -ESRCH ? 0 : r;
}

int place_leave(struct place *p)
{
	int err = 0;

	if (!*p->home || !p->made)
		return 0;
	/* twice: a process may be forked while the first lot is moved */
	for (int turn = 0; turn < 2; turn++) {
		_cleanup_free_ pid_t *pids = NULL;
		size_t n = 0;
		int r = cgroup_processes(p->dir, &pids, &n);

		if (r == -ENOENT || r == -ENODEV)
			break;
		for (size_t i = 0; i < n; i++) {
			/* 0 stands for a process of another pid namespace, and would name the writer itself. */
			r = pids[i] ? move_back(p, pids[i]) : -EBUSY;
			err = r < 0 ? r : err;
		}
	}
	if (rmdir(p->dir) < 0 && errno != ENOENT)
		return err < 0 ? err : -errno;
	p->made = false;
	return 0;
}

struct place_array {
	struct place *p;
	size_t n;
	enum cgroup_tree tree;
};

static int add_made(const char *dir, void *arg)
{
	struct place_array *a = arg;
	struct place p = { .tree = a->tree, .made = true }, *more;

	if (!read_home(dir, p.home) || owner_is_another(dir))
		return 0;
	strcpy(p.dir, dir);
	more = reallocarray(a->p, a->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	a->p = more;
	a->p[a->n++] = p;
	return 0;
}

int place_list(const struct cgroup_host *h, struct place **list, size_t *n)
{
	struct place_array a = { 0 };

	for (a.tree = 0; a.tree < CGROUP_TREES; a.tree++) {
		int r;

		/* v1 mounts cpu and cpuacct together as a rule: one tree */
		if (!*h->mount[a.tree] ||
		    (a.tree == CGROUP_V1_CPUACCT && !strcmp(h->mount[a.tree], h->mount[CGROUP_V1_CPU])))
			continue;
		r = cgroup_walk(h->mount[a.tree], add_made, &a);
		/* What was found counts, also where a part could not be looked at. */
		if (r == -ENOMEM) {
			free(a.p);
			return r;
		}
	}
	*list = a.p;
	*n = a.n;
	return 0;
}
