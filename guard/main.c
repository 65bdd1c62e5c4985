/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * divvy-guard: lets every VM run that divvyd has paused, when divvyd dies.
 *
 * Theory of Operation
 *
 * Why a process. A paused VM whose scheduler is gone would stay paused for ever. The guard outlives whatever
 * kills divvyd: SIGKILL, abort, the OOM killer. It is in a cgroup of its own, because systemd kills a unit's
 * whole cgroup, and because no gate may ever pause it.
 *
 * What it does. It waits for the end of file on divvyd's socket. The kernel sends that after divvyd's last
 * thread has ended, whatever ended it. The guard then walks divvyd's table, and for each record that says
 * PAUSED it writes a value to a control file. All that it needs for this is in memory already: mlockall(2), a
 * static binary, no allocation.
 *
 * A divvyd that hangs is as bad as a dead one. And a dead one needs a CPU to end on: on a crowded host its
 * last thread took 300 ms to close the socket. So, where stall_ms is set, a beat that is too old counts as
 * death.
 *
 * If the guard is killed, systemd starts it again; or divvyd does, which sees the socket close, and hands the
 * table over again. If both die, the marks on the cgroups are left: divvyd's next start and --recover go by
 * them.
 *
 * A guard that divvyd started ends with divvyd. It ends at once if divvyd has taken all VMs out of the table:
 * divvyd needs no guard any more then. It ends after LINGER_MS if divvyd died with VMs in the table, because
 * divvyd is likely to be started again. A process cannot remove the cgroup that it is in, so the guard leaves
 * its cgroup and removes it as the last thing that it does. If it was killed, divvyd's next start or
 * --recover removes the cgroup.
 */
#include "abi.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/lockfile.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/cgroup/gate.h"
#include "kernel/cgroup/gate_file.h"
#include "kernel/cgroup/guard_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HOLDERS_MAX 32
/* The guard looks at a beat twice in stall_ms, but within these limits. */
#define STALL_CHECK_MIN_MS 5
#define STALL_CHECK_MAX_MS 100
/* How long a guard that divvyd started waits for the next divvyd. systemd starts one after 100 ms. */
#define LINGER_MS 2000
/* How long from one attempt to let a VM run to the next, where it failed. */
#define RETRY_MS 100

/*
 * A divvyd. Until it said hello, it has no table. When it is gone, its table stays as long as a VM in it could
 * not be let run: fd is -1 then.
 */
struct holder {
	int fd;
	const struct guard_table *table;
};

struct guard_server {
	struct holder holder[HOLDERS_MAX];
	int listener;
	int signals;
	bool spawned; /* divvyd has started it */
	uint64_t idle_since_ns;
	uint64_t linger_ns; /* how long it stays without a divvyd, if spawned */
};

/* --- letting run ----------------------------------------------------------------------------------- */

/* False: it may still be paused. */
static bool let_run(const struct guard_record *r)
{
	char path[sizeof(r->path)], value[sizeof(r->value)], *base;
	bool runs;
	int fd;

	memcpy(path, r->path, sizeof(path));
	memcpy(value, r->value, sizeof(value));
	path[sizeof(path) - 1] = value[sizeof(value) - 1] = '\0';
	base = strrchr(path, '/');
	/* Against a mistake, not an attack: the table comes from a process that has the same rights. */
	if (!base || !gate_is_control(base + 1))
		return true;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT; /* the cgroup is gone, and the VM with it */
	runs = write(fd, value, strlen(value)) >= 0 || errno == ENODEV;
	close(fd);
	return runs;
}

/* How many may still be paused. */
static uint32_t let_all_run(const struct guard_table *t)
{
	uint32_t used = atomic_load_explicit(&t->used, memory_order_acquire), left = 0;

	for (uint32_t i = 0; i < used && i < GUARD_RECORDS; i++)
		if (atomic_load_explicit(&t->record[i].state, memory_order_acquire) == GUARD_PAUSED)
			left += !let_run(&t->record[i]);
	return left;
}

/* A divvyd is gone: its table, too, when all its VMs run. */
static void let_go(struct holder *h)
{
	if (let_all_run(h->table))
		return;
	munmap((void *)(uintptr_t)h->table, sizeof(*h->table));
	h->table = NULL;
}

static bool is_orphan(const struct holder *h)
{
	return h->fd < 0 && h->table;
}

static bool has_records(const struct guard_table *t)
{
	uint32_t used = atomic_load_explicit(&t->used, memory_order_acquire);

	for (uint32_t i = 0; i < used && i < GUARD_RECORDS; i++)
		if (atomic_load_explicit(&t->record[i].state, memory_order_acquire) != GUARD_FREE)
			return true;
	return false;
}

static void drop_holder(struct guard_server *s, struct holder *h)
{
	if (h->table)
		s->linger_ns = has_records(h->table) ? LINGER_MS * NSEC_PER_MSEC : 0;
	close(h->fd);
	h->fd = -1;
	if (h->table)
		let_go(h);
	if (is_orphan(h))
		fprintf(stderr, "divvy-guard: a paused VM cannot be let run: trying again\n");
}

/* How long to wait for the next look at a beat, for poll(2): milliseconds; -1: for ever. */
static int check_interval(const struct guard_table *t)
{
	uint32_t stall_ms = t ? atomic_load_explicit(&t->stall_ms, memory_order_relaxed) : 0;
	int ms = (int)(stall_ms / 2);

	if (!stall_ms)
		return -1;
	if (ms < STALL_CHECK_MIN_MS)
		return STALL_CHECK_MIN_MS;
	return ms > STALL_CHECK_MAX_MS ? STALL_CHECK_MAX_MS : ms;
}

static void check_stall(const struct guard_table *t)
{
	uint64_t beat = atomic_load_explicit(&t->beat_ns, memory_order_acquire);
	uint32_t stall_ms = atomic_load_explicit(&t->stall_ms, memory_order_relaxed);

	if (stall_ms && beat && clock_now_ns() > beat + stall_ms * NSEC_PER_MSEC)
		(void)let_all_run(t); /* what fails is tried at the next look */
}

/* --- divvyd's side of the socket --------------------------------------------------------------------- */

static const struct guard_table *map_table(int fd)
{
	struct stat st;
	const struct guard_table *t;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 ||
	    st.st_size < (off_t)sizeof(struct guard_table))
		return NULL;
	t = mmap(NULL, sizeof(*t), PROT_READ, MAP_SHARED, fd, 0);
	if (t == MAP_FAILED)
		return NULL;
	if (t->magic == GUARD_MAGIC && t->version == GUARD_VERSION &&
	    t->record_size == sizeof(struct guard_record) && t->n_records == GUARD_RECORDS)
		return t;
	munmap((void *)(uintptr_t)t, sizeof(*t));
	return NULL;
}

static bool take_hello(struct holder *h)
{
	struct guard_hello hello = { 0 }, answer = { GUARD_MAGIC, GUARD_VERSION };
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &hello, sizeof(hello) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	_cleanup_close_ int fd = -1;
	struct cmsghdr *c;
	ssize_t k;

	k = recvmsg(h->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (k < 0)
		return errno == EAGAIN || errno == EINTR;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (k == 0)
		return false; /* end of file */
	if (h->table)
		return true; /* a byte: stall_ms has changed, and the next poll(2) heeds it */
	if (k != sizeof(hello) || hello.magic != GUARD_MAGIC || fd < 0)
		return false;
	h->table = map_table(fd);
	return h->table &&
	       send(h->fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(answer);
}

static void take_holder(struct guard_server *s)
{
	_cleanup_close_ int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
		return;
	for (size_t i = 0; i < HOLDERS_MAX; i++)
		if (s->holder[i].fd < 0 && !s->holder[i].table) {
			s->holder[i].fd = TAKE_FD(fd);
			return;
		}
}

/* One round of waiting. False: the guard has to end. */
static bool serve(struct guard_server *s)
{
	struct pollfd p[HOLDERS_MAX + 2];
	int timeout = -1, interval;
	bool idle = true;

	for (size_t i = 0; i < HOLDERS_MAX; i++) {
		p[i] = (struct pollfd){ .fd = s->holder[i].fd, .events = POLLIN };
		idle = idle && s->holder[i].fd < 0 && !s->holder[i].table;
		interval = is_orphan(&s->holder[i]) ? RETRY_MS : check_interval(s->holder[i].table);
		if (interval >= 0 && (timeout < 0 || interval < timeout))
			timeout = interval;
	}
	p[HOLDERS_MAX] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
	p[HOLDERS_MAX + 1] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	if (!idle)
		s->idle_since_ns = clock_now_ns();
	else if (s->spawned)
		timeout = (int)(s->linger_ns / NSEC_PER_MSEC);
	if (poll(p, ARRAY_SIZE(p), timeout) < 0)
		return errno == EINTR;
	for (size_t i = 0; i < HOLDERS_MAX; i++) {
		if (p[i].fd >= 0 && p[i].revents && !take_hello(&s->holder[i]))
			drop_holder(s, &s->holder[i]);
		else if (is_orphan(&s->holder[i]))
			let_go(&s->holder[i]);
		else if (s->holder[i].table)
			check_stall(s->holder[i].table);
	}
	if (p[HOLDERS_MAX].revents)
		take_holder(s);
	if (p[HOLDERS_MAX + 1].revents)
		return false;
	return !(idle && s->spawned && !p[HOLDERS_MAX].revents &&
		 clock_now_ns() > s->idle_since_ns + s->linger_ns);
}

/* --- start ----------------------------------------------------------------------------------------- */

#define LOCK_PATH_SIZE (sizeof(((struct sockaddr_un *)NULL)->sun_path) + 8)

static void lock_path_of(const char *path, char out[LOCK_PATH_SIZE])
{
	snprintf(out, LOCK_PATH_SIZE, "%s.lock", path);
}

/*
 * One guard a socket: only the process that holds the lock listens. Returns a descriptor; -EEXIST: another
 * guard holds the lock; or another negative errno. *lock stays open.
 */
static int listen_at(const char *path, int *lock)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char lock_path[LOCK_PATH_SIZE];
	_cleanup_close_ int fd = -1, l = -1;

	if ((size_t)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	lock_path_of(path, lock_path);
	l = lockfile_take(lock_path, NULL);
	if (l < 0)
		return l == -EWOULDBLOCK ? -EEXIST : l;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || chmod(path, 0600) < 0 || listen(fd, 8) < 0)
		return -errno;
	*lock = TAKE_FD(l);
	return TAKE_FD(fd);
}

/* Each of these helps. The guard works without them, too. */
static void harden(void)
{
	struct sched_param prio = { .sched_priority = 1 };
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, "-1000", 5);
		close(fd);
	}
	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &prio);
	/* The program whole and now. Tables as they are used, for they are mostly holes. */
	(void)mlockall(MCL_CURRENT);
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

/*
 * divvyd waits for the parent. The parent ends when the child has told it how its start went. Returns, in the
 * child, the descriptor to tell it on.
 */
static int into_background(void)
{
	int told[2], null;
	char status;

	(void)close_range(3, ~0U, 0);
	if (pipe2(told, O_CLOEXEC) < 0)
		exit(EXIT_FAILURE);
	switch (fork()) {
	case -1:
		exit(EXIT_FAILURE);
	case 0:
		break;
	default:
		close(told[1]);
		_exit(read(told[0], &status, 1) == 1 ? status : EXIT_FAILURE);
	}
	close(told[0]);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	return told[1];
}

static void tell(int fd, char status)
{
	if (fd >= 0) {
		(void)!write(fd, &status, 1);
		close(fd);
	}
}

static bool is_served(const char *path)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

/* As listen_at(), but waits for a guard that is just ending. -EEXIST: a guard lives on. */
static int listen_or_leave(const char *path, int *lock)
{
	uint64_t deadline = clock_now_ns() + NSEC_PER_SEC;
	int r = listen_at(path, lock);

	while (r == -EEXIST && !is_served(path) && clock_now_ns() < deadline) {
		nanosleep(&(struct timespec){ .tv_nsec = 2 * NSEC_PER_MSEC }, NULL);
		r = listen_at(path, lock);
	}
	return r;
}

static int recover(const char *below)
{
	struct cgroup_host h;
	int r = below ? gate_recover_below(below) : cgroup_probe("", &h);

	if (r == 0 && !below) {
		r = gate_recover(&h);
		guard_cgroup_sweep();
	}
	if (r < 0)
		fprintf(stderr, "divvy-guard: cannot look for paused VMs: %s\n", strerror(-r));
	else if (r > 0)
		fprintf(stderr, "divvy-guard: %d paused VM%s let run\n", r, r == 1 ? "" : "s");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int usage(FILE *to, int status)
{
	fputs("Usage: divvy-guard [--background] [SOCKET]   guard divvyd; SOCKET: " GUARD_SOCKET "\n"
	      "       divvy-guard --recover [CGROUP]        let run what a dead divvyd has left paused\n"
	      "       divvy-guard --help | --version\n",
	      to);
	return status;
}

static int run(const char *path, bool background)
{
	struct guard_server s = { .spawned = background,
				  .idle_since_ns = clock_now_ns(),
				  .linger_ns = LINGER_MS * NSEC_PER_MSEC };
	int parent = background ? into_background() : -1, lock = -1;
	char home[CGROUP_PATH_SIZE], lock_path[LOCK_PATH_SIZE];
	sigset_t stop;

	for (size_t i = 0; i < HOLDERS_MAX; i++)
		s.holder[i].fd = -1;
	s.listener = listen_or_leave(path, &lock);
	if (s.listener < 0) {
		fprintf(stderr, "divvy-guard: %s: %s\n", path, strerror(-s.listener));
		tell(parent, s.listener == -EEXIST ? EXIT_SUCCESS : EXIT_FAILURE);
		return EXIT_FAILURE;
	}
	if (background)
		guard_cgroup_enter(home);
	harden();
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	s.signals = signalfd(-1, &stop, SFD_CLOEXEC);
	tell(parent, EXIT_SUCCESS);
	while (serve(&s))
		;
	for (size_t i = 0; i < HOLDERS_MAX; i++)
		if (s.holder[i].fd >= 0)
			drop_holder(&s, &s.holder[i]);
	unlink(path);
	/* The next guard need not wait for what is left to do. */
	close(s.listener);
	lock_path_of(path, lock_path);
	lockfile_drop(lock_path, lock);
	if (background)
		guard_cgroup_leave(home);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *path = GUARD_SOCKET;
	bool background = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--recover"))
			return recover(argv[i + 1]);
		else if (!strcmp(argv[i], "--background"))
			background = true;
		else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return usage(stdout, EXIT_SUCCESS);
		else if (!strcmp(argv[i], "--version"))
			return puts("divvy-guard " DIVVY_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
		else if (argv[i][0] == '-' || i + 1 < argc)
			return usage(stderr, 2);
		else
			path = argv[i];
	}
	return run(path, background);
}
