/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ruleset that changes while it is read, one that cannot be read, and events of changes. */
#include "nft_rig.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* What goes wrong with the next answers of the kernel; the C library's function is replaced by this. */
static struct {
	int error; /* errno of recvmsg(2), 0: none */
	int marks; /* so many are marked as parts of a dump that changed under way */
} fault;

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t n = syscall(SYS_recvmsg, fd, message, flags);
	struct nlmsghdr *nlh = message->msg_iov->iov_base;

	if (n >= 0 && fault.error) {
		errno = fault.error;
		return -1;
	}
	if (n > 0 && fault.marks) {
		nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
		fault.marks--;
	}
	return n;
}

static int forget(void **state)
{
	fault.error = fault.marks = 0;
	return teardown(state);
}

static size_t count(void)
{
	_cleanup_free_ struct nft_hook *list = NULL;
	size_t n;

	assert_int_equal(nft_hooks(&list, &n), 0);
	return n;
}

static void expect_failure(int want)
{
	struct nft_hook *list = (void *)-1L;
	size_t n = 77;
	char name[8] = "before";

	assert_int_equal(nft_hooks(&list, &n), want);
	assert_ptr_equal(list, (void *)-1L);
	assert_int_equal(n, 77);
	assert_int_equal(nft_ingress_chain("nft0", name, sizeof(name)), want);
	assert_string_equal(name, "before");
}

static void failures_are_told(void **state)
{
	(void)state;
	assert_true(load("table netdev t { chain c { type filter hook ingress device nft0 priority 0; }; }"));
	fault.error = ENOBUFS;
	expect_failure(-ENOBUFS);
	fault.error = EAGAIN;
	expect_failure(-ETIMEDOUT);
	fault.error = 0;
	/* interrupted once or twice: read again, and nothing is there twice */
	fault.marks = 2;
	assert_int_equal(count(), 1);
	assert_int_equal(fault.marks, 0);
	fault.marks = INT_MAX;
	expect_failure(-EAGAIN);
	fault.marks = 0;
	assert_int_equal(count(), 1);
}

/* The kernel lets only CAP_NET_ADMIN ask. */
static void without_right(void **state)
{
	struct nft_hook *list;
	int status, fd = 99;
	size_t n;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		bool ok = setresuid(65534, 65534, 65534) == 0 && nft_hooks(&list, &n) == -EPERM &&
			  nft_events_open(&fd) == -EPERM && fd == 99;

		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static atomic_bool churning;

/* Chains come and go all the time. */
static void *churn(void *arg)
{
	bool ok = true;

	(void)arg;
	while (atomic_load(&churning) && ok)
		ok = load("add table netdev x; add chain netdev x y { type filter hook ingress device nft1 "
			  "priority 0; }; delete table netdev x");
	return ok ? NULL : (void *)-1L;
}

/* While the ruleset changes an answer is whole, or there is none. */
static void changes_under_way(void **state)
{
	enum { N = 1500, LOOKS = 200 };
	_cleanup_free_ char *rules = calloc(N, 100);
	size_t len = (size_t)sprintf(rules, "table netdev t {");
	unsigned int unknown = 0;
	pthread_t thread;
	void *failed;

	(void)state;
	for (int i = 0; i < N; i++)
		len += (size_t)sprintf(rules + len, " chain c%d { };", i);
	sprintf(rules + len, " chain last { type filter hook ingress device nft0 priority 0; }; }");
	assert_true(load(rules));
	atomic_store(&churning, true);
	assert_int_equal(pthread_create(&thread, NULL, churn, NULL), 0);
	for (int i = 0; i < LOOKS; i++) {
		_cleanup_free_ struct nft_hook *list = NULL;
		size_t n = 0;
		int err = nft_hooks(&list, &n);

		assert_true(err == 0 || err == -EAGAIN);
		unknown += err < 0;
		assert_true(err < 0 || n == 1 || n == 2);
		assert_true(err < 0 || nft_hook_on(list, n, "nft0", NFT_HOOK_INGRESS));
	}
	atomic_store(&churning, false);
	pthread_join(thread, &failed);
	assert_null(failed);
	print_message("# %d looks at a ruleset that changes, %u without an answer\n", LOOKS, unknown);
}

/* --- events ------------------------------------------------------------------------------------------ */

static bool heard(int fd)
{
	bool changed = true, again = true;

	assert_int_equal(nft_events_read(fd, &changed), 0);
	assert_int_equal(nft_events_read(fd, &again), 0);
	assert_false(again);
	return changed;
}

static void events(void **state)
{
	_cleanup_close_ int fd = -1;
	struct pollfd p = { .events = POLLIN };
	int small = 1;
	bool changed;

	(void)state;
	assert_int_equal(nft_events_open(&fd), 0);
	assert_false(heard(fd));
	assert_true(load("table netdev t { chain c { type filter hook ingress device nft0 priority 0; }; }"));
	p.fd = fd;
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(heard(fd));
	assert_int_equal(poll(&p, 1, 0), 0);
	/* rules and elements of sets: most of what changes on a busy host, and no hook moves */
	assert_true(load("add rule netdev t c counter; add set netdev t s { type ipv4_addr; }; "
			 "add element netdev t s { 192.0.2.1 }"));
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_false(heard(fd));
	assert_true(load("add table inet dormant { flags dormant; }"));
	assert_true(heard(fd));
	assert_true(load("delete chain netdev t c"));
	assert_true(heard(fd));
	assert_true(load("flush ruleset"));
	assert_true(heard(fd));

	/* what was lost may have been a chain */
	assert_true(load("table inet t { set s { type ipv4_addr; }; }"));
	assert_true(heard(fd));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (int i = 0; i < 20; i++)
		assert_true(load("add element inet t s { 192.0.2.1 }; flush set inet t s"));
	assert_true(heard(fd));
	fault.error = EBADF;
	changed = true;
	assert_true(load("flush ruleset"));
	assert_int_equal(nft_events_read(fd, &changed), -EBADF);
	assert_true(changed);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, forget)
	const struct CMUnitTest tests[] = {
		TEST(failures_are_told), TEST(without_right), TEST(changes_under_way), TEST(events),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	need_nft();
	return cmocka_run_group_tests_name("nft faults", tests, NULL, NULL);
}
