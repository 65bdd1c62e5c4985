/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Runs lab/vm/image.sh, which knows what the guest is made of. */

#include "image.h"

#include "base/cleanup.h"
#include "lab/proc/lines.h"
#include "lab/proc/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MAKE_TIMEOUT_NS (600 * 1000000000ULL)
#define TREE_DEPTH 4 /* build/tests/system/x is three below the project's root */

/* The directory that has lab/vm/image.sh: the first one upwards from the running program. */
int image_tree(char root[IMAGE_DIR_MAX], struct errtext *e)
{
	const char *set = getenv("DIVVY_LAB_SOURCE");
	char probe[IMAGE_DIR_MAX + 32];
	ssize_t k;

	if (set) {
		if (snprintf(root, IMAGE_DIR_MAX, "%s", set) >= IMAGE_DIR_MAX)
			return errtext_set(e, -ENAMETOOLONG, "DIVVY_LAB_SOURCE is too long");
		return 0;
	}
	k = readlink("/proc/self/exe", root, IMAGE_DIR_MAX - 1);
	if (k <= 0)
		return errtext_set(e, -errno, "cannot tell where the lab's program is: %s", strerror(errno));
	root[k] = 0;
	for (int i = 0; i < TREE_DEPTH; i++) {
		char *slash = strrchr(root, '/');

		if (!slash || slash == root)
			break;
		*slash = 0;
		snprintf(probe, sizeof(probe), "%s/lab/vm/image.sh", root);
		if (access(probe, X_OK) == 0)
			return 0;
	}
	return errtext_set(e, -ENOENT,
			   "no lab/vm/image.sh above this program: set DIVVY_LAB_SOURCE to divvy's source tree");
}

struct making {
	pid_t pid;
	int out;
	char line[300];
	size_t fill;
	void (*progress)(const char *line);
};

static void on_output(int fd, void *arg)
{
	struct making *m = arg;
	ssize_t k = read(fd, m->line + m->fill, sizeof(m->line) - 1 - m->fill);
	size_t used = 0;

	if (k < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (k <= 0) {
		loop_del(fd);
		return;
	}
	m->fill += (size_t)k;
	while (lines_next(m->line, &m->fill, &used))
		if (m->progress)
			m->progress(m->line);
	if (m->fill == sizeof(m->line) - 1)
		m->fill = 0;
}

static int has_ended(void *arg)
{
	return !proc_alive(((struct making *)arg)->pid, NULL);
}

/* The last line that the script left on its standard error. */
static void last_line(int fd, char *text, size_t size)
{
	off_t end = lseek(fd, 0, SEEK_END), from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
	ssize_t k = pread(fd, text, size - 1, from);
	char *nl;

	text[k > 0 ? k : 0] = 0;
	while ((nl = strrchr(text, '\n')) && nl[1] == 0)
		*nl = 0;
	if (nl)
		memmove(text, nl + 1, strlen(nl + 1) + 1);
}

static int run_script(const char *root, const char *dir, const char *flavour,
		      void (*progress)(const char *line), struct errtext *e)
{
	_cleanup_close_ int in = -1, out = -1, err = memfd_create("image", MFD_CLOEXEC);
	struct making m = { .progress = progress };
	char script[IMAGE_DIR_MAX + 32], words[300];
	const char *argv[] = { "sh", script, dir, flavour, NULL };
	struct spawn s = SPAWN_INIT;
	int p[2], r, status = 0;

	snprintf(script, sizeof(script), "%s/lab/vm/image.sh", root);
	if (err < 0 || pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return errtext_set(e, -errno, "cannot make a pipe: %s", strerror(errno));
	in = p[0];
	out = p[1];
	s.argv = argv;
	s.out = out;
	s.err = err;
	r = proc_spawn(&s, &m.pid, e);
	if (r < 0)
		return r;
	close(TAKE_FD(out));
	r = loop_add(in, on_output, &m);
	if (r == 0)
		r = loop_while(has_ended, &m, clock_now_ns() + MAKE_TIMEOUT_NS);
	loop_del(in);
	proc_stop(m.pid, 0, 0, &status);
	if (r < 0)
		return errtext_set(e, r, "making the guest image: %s", strerror(-r));
	if (status == 0)
		return 0;
	last_line(err, words, sizeof(words));
	return errtext_set(e, -EREMOTEIO, "making the guest image failed: %s", words);
}

/* Where things are kept; *root: the project's tree. */
static int find_cache(char root[IMAGE_DIR_MAX], char dir[IMAGE_DIR_MAX], struct errtext *e)
{
	const char *cache = getenv("DIVVY_LAB_CACHE");
	int r = image_tree(root, e), n;

	if (r < 0)
		return r;
	n = snprintf(dir, IMAGE_DIR_MAX, cache ? "%s" : "%s/build/lab", cache ? cache : root);
	if (n >= IMAGE_DIR_MAX - 16)
		return errtext_set(e, -ENAMETOOLONG, "the cache directory's name is too long");
	return 0;
}

int image_cache(char dir[IMAGE_DIR_MAX], struct errtext *e)
{
	char root[IMAGE_DIR_MAX];

	return find_cache(root, dir, e);
}

static int ensure(struct image *img, const char *flavour, void (*progress)(const char *line),
		  struct errtext *e)
{
	_cleanup_free_ char *release = NULL;
	char root[IMAGE_DIR_MAX], path[IMAGE_DIR_MAX + 32];
	struct image i = { 0 };
	int r = find_cache(root, i.dir, e);

	if (r < 0)
		return r;
	r = run_script(root, i.dir, flavour, progress, e);
	if (r < 0)
		return r;
	snprintf(i.kernel, sizeof(i.kernel), "%s/%s/vmlinuz", i.dir, flavour);
	snprintf(i.initrd, sizeof(i.initrd), "%s/%s/initrd", i.dir, flavour);
	snprintf(path, sizeof(path), "%s/%s/release", i.dir, flavour);
	r = proc_read_ns(NULL, path, &release);
	if (r < 0)
		return errtext_set(e, r, "cannot read %s: %s", path, strerror(-r));
	snprintf(i.release, sizeof(i.release), "%.*s", (int)strcspn(release, "\n"), release);
	*img = i;
	return 0;
}

int image_ensure(struct image *img, void (*progress)(const char *line), struct errtext *e)
{
	return ensure(img, "cloud", progress, e);
}

int image_ensure_generic(struct image *img, void (*progress)(const char *line), struct errtext *e)
{
	return ensure(img, "generic", progress, e);
}
