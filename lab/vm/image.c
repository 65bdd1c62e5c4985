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
	void (*progress)(const char *line);
};

static void on_line(void *arg, const char *line, uint64_t at_ns)
{
	const struct making *m = arg;

	(void)at_ns;
	if (m->progress)
		m->progress(line);
}

static int has_ended(void *arg)
{
	return !proc_alive(((struct making *)arg)->pid, NULL);
}

static int run_script(const char *root, const char *dir, const char *flavour,
		      void (*progress)(const char *line), struct errtext *e)
{
	_cleanup_close_ int out = -1, err = memfd_create("image", MFD_CLOEXEC);
	struct making m = { .progress = progress };
	struct lines says = { .said = on_line, .arg = &m };
	char script[IMAGE_DIR_MAX + 32], words[300];
	const char *argv[] = { "sh", script, dir, flavour, NULL };
	struct spawn s = SPAWN_INIT;
	int r, status = 0;

	snprintf(script, sizeof(script), "%s/lab/vm/image.sh", root);
	if (err < 0)
		return errtext_set(e, -errno, "cannot make a memory file: %s", strerror(errno));
	r = lines_pipe(&says, &out, e);
	if (r < 0)
		return r;
	s.argv = argv;
	s.out = out;
	s.err = err;
	r = proc_spawn(&s, &m.pid, e);
	if (r == 0) {
		close(TAKE_FD(out));
		r = loop_while(has_ended, &m, clock_now_ns() + MAKE_TIMEOUT_NS);
		proc_stop(m.pid, 0, 0, &status);
		if (r < 0)
			errtext_set(e, r, "making the guest image: %s", strerror(-r));
	}
	lines_close(&says);
	if (r < 0 || status == 0)
		return r;
	lines_last(err, words, sizeof(words));
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
