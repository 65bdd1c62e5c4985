/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "leftovers.h"

#include "base/cleanup.h"
#include "cgroups_left.h"
#include "kernel/cgroup/guard_cgroup.h"
#include "kernel/proc/procfs.h"
#include "libvirt_left.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define NETNS_DIR "/run/netns"

/* Kill every process in this network namespace but ourselves. Returns how many there were. */
static unsigned kill_inside(const struct stat *ns)
{
	_cleanup_(closedirp) DIR *proc = opendir("/proc");
	const struct dirent *d;
	unsigned n = 0;

	while (proc && (d = readdir(proc))) {
		char path[64];
		struct stat st;
		pid_t pid = atoi(d->d_name);

		if (pid <= 1 || pid == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
		if (stat(path, &st) < 0 || st.st_ino != ns->st_ino || st.st_dev != ns->st_dev)
			continue;
		n++;
		libvirt_left_note(pid);
		kill(pid, SIGKILL);
	}
	return n;
}

static void remove_one(const char *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	if (stat(path, &st) == 0)
		for (int round = 0; round < 100 && kill_inside(&st) > 0; round++)
			nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	libvirt_left_remove();
	umount2(path, MNT_DETACH);
	unlink(path);
}

/* Remove the namespaces of one run, or (run 0) of all whose process is dead. */
static int remove_matching(pid_t run)
{
	_cleanup_(closedirp) DIR *dir = opendir(NETNS_DIR);
	const struct dirent *d;
	int n = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((d = readdir(dir))) {
		if (!is_left(d->d_name, run))
			continue;
		remove_one(d->d_name);
		n++;
	}
	return n;
}

static void clean_cgroups(pid_t run)
{
	cgroups_left_remove(run);
	/* divvy's guard was in the namespace, and was killed there */
	guard_cgroup_sweep();
}

static int remove_run(pid_t run)
{
	int n = remove_matching(run);

	clean_cgroups(run);
	return n;
}

int leftovers_clean(struct errtext *e)
{
	int n = remove_matching(0);

	clean_cgroups(0);
	return n < 0 ? errtext_set(e, n, "cannot list " NETNS_DIR ": %s", strerror(-n)) : n;
}

/* --- the janitor --- */

static pid_t janitor_pid;

static void janitor_main(int fd, pid_t lab)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	int null = open("/dev/null", O_RDWR);
	char c;
	ssize_t k;

	setsid();
	prctl(PR_SET_NAME, "dvl-janitor");
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	/* Hold nothing of the lab's: a caller may wait for its output's end, and taps live by descriptors. */
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup2(fd, 3);
	close_range(4, ~0U, 0);
	do
		k = read(3, &c, 1);
	while (k < 0 && errno == EINTR);
	if (k == 0)
		remove_run(lab);
	_exit(0);
}

static int janitor_start(int *fd)
{
	_cleanup_close_ int r = -1, w = -1;
	pid_t lab = getpid(), pid;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	r = p[0];
	w = p[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		janitor_main(r, lab);
	janitor_pid = pid;
	*fd = TAKE_FD(w);
	return 0;
}

static void janitor_stop(int fd)
{
	/* A byte tells it that all is done. */
	if (write(fd, "", 1) < 0)
		kill(janitor_pid, SIGKILL);
	close(fd);
	while (waitpid(janitor_pid, NULL, 0) < 0 && errno == EINTR)
		;
	janitor_pid = 0;
}

const struct topo_keeper leftovers_keeper = { janitor_start, janitor_stop, remove_run };
