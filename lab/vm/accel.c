/* SPDX-License-Identifier: GPL-2.0-or-later */

/* KVM or TCG: only a guest that reports proves KVM. */

#include "base/cleanup.h"
#include "image.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PROBE_MS 5000
#define WHY_SIZE 128

static const char *const names[] = { [ACCEL_TCG] = "tcg", [ACCEL_KVM] = "kvm", [ACCEL_NONE] = "none" };

const char *accel_name(enum accel a)
{
	return names[a];
}

/* What the cached result depends on: this boot of this machine, and QEMU. */
static int make_key(char *key, size_t size, struct errtext *e)
{
	const char *argv[] = { "qemu-system-x86_64", "--version", NULL };
	_cleanup_free_ char *boot = NULL, *version = NULL;
	int r = proc_runv(NULL, argv, NULL, &version, e);

	if (r < 0)
		return r;
	r = proc_read_ns(NULL, "/proc/sys/kernel/random/boot_id", &boot);
	if (r < 0)
		return errtext_set(e, r, "cannot read the boot id: %s", strerror(-r));
	snprintf(key, size, "%.*s %.*s", (int)strcspn(boot, "\n"), boot, (int)strcspn(version, "\n"),
		 version);
	return 0;
}

/* The cache: key, accelerator and reason, a line each. */
static bool load(const char *path, const char *key, enum accel *ret, char why[WHY_SIZE])
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL, *line;

	if (proc_read_ns(NULL, path, &text) < 0)
		return false;
	line = strtok_r(text, "\n", &save);
	if (!line || strcmp(line, key) != 0)
		return false;
	line = strtok_r(NULL, "\n", &save);
	if (!line || (strcmp(line, "kvm") != 0 && strcmp(line, "tcg") != 0))
		return false;
	*ret = strcmp(line, "kvm") == 0 ? ACCEL_KVM : ACCEL_TCG;
	line = strtok_r(NULL, "\n", &save);
	snprintf(why, WHY_SIZE, "%s", line ? line : "");
	return true;
}

/* A cache that cannot be written costs a probe the next time. */
static void store(const char *path, const char *key, enum accel a, const char *why)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return;
	fprintf(f, "%s\n%s\n%s\n", key, names[a], why);
	fclose(f);
}

static int probe(const struct image *img, enum accel *ret, char why[WHY_SIZE], struct errtext *e)
{
	const struct vm_config c = { .image = img, .accel = ACCEL_KVM, .name = "probe" };
	_cleanup_(vm_stopp) struct vm *vm = NULL;
	int r = vm_start(&vm, &c, e);

	if (r < 0)
		return r;
	r = vm_wait_ready(&vm, 1, PROBE_MS, e);
	if (r == -EINTR)
		return r;
	if (r == 0)
		snprintf(why, WHY_SIZE, "probe guest ready in %.1f s", (double)vm_boot_ns(vm) / 1e9);
	else if (r == -ETIMEDOUT)
		snprintf(why, WHY_SIZE, "/dev/kvm opens, but a probe guest did not start within %d s",
			 PROBE_MS / 1000);
	else
		snprintf(why, WHY_SIZE, "/dev/kvm opens, but QEMU ended with it");
	*ret = r == 0 ? ACCEL_KVM : ACCEL_TCG;
	return 0;
}

int accel_probe(const struct image *img, enum accel *ret, char why[WHY_SIZE],
		void (*progress)(const char *line), struct errtext *e)
{
	const char *set = getenv("DIVVY_LAB_ACCEL");
	char key[256], path[IMAGE_DIR_MAX + 32], reason[WHY_SIZE] = "";
	_cleanup_close_ int fd = -1;
	enum accel a = ACCEL_TCG;
	int r;

	if (set && strcmp(set, "kvm") != 0 && strcmp(set, "tcg") != 0)
		return errtext_set(e, -EINVAL, "DIVVY_LAB_ACCEL is %s: expected kvm or tcg", set);
	snprintf(path, sizeof(path), "%s/accel", img->dir);
	r = make_key(key, sizeof(key), e);
	if (r < 0)
		return r;
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (set) {
		a = strcmp(set, "kvm") == 0 ? ACCEL_KVM : ACCEL_TCG;
		snprintf(reason, sizeof(reason), "DIVVY_LAB_ACCEL says so");
	} else if (fd < 0) {
		snprintf(reason, sizeof(reason), errno == ENOENT ? "no /dev/kvm" : "/dev/kvm does not open");
	} else if (!load(path, key, &a, reason)) {
		if (progress)
			progress("trying KVM with a probe guest");
		r = probe(img, &a, reason, e);
		if (r < 0)
			return r;
		store(path, key, a, reason);
	}
	*ret = a;
	if (why)
		snprintf(why, WHY_SIZE, "%s", reason);
	return 0;
}
