/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMs of real launchers, as /proc shows them: command lines are those that public reports, documents and sources of
 * these projects show, shortened to what tells the VM and its NIC. Each is recognised, or not for the right reason.
 */
#include "proc_rig.h"

#define TUN "/dev/net/tun"
#define VIRTIO "virtio-net-pci"
#define KATA_ID "6d7a044eaf30a067109f46e5352d9398eaa121c1841a52dcd7947e4682754c59"
/* What microvm.nix, NixOS and Nix's wrappers have in front of a program. */
#define STORE "/nix/store/0c0wqy2gd5l7q0pzrmy8k9yyvhzbqlrd-"

static const struct launcher {
	const char *what, *comm, *exe;
	const char *argv[RIG_ARGS];
	const char *tap; /* NULL: it has none open */
	int fd;
	const char *vmm, *vm, *vmid, *model, *mac;
	enum vmm_waits waits;
} launchers[] = {
	{ "libvirt 9, with JSON", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=web,debug-threads=on", "-S", "-netdev",
	    "{\"type\":\"tap\",\"fd\":\"33\",\"vhost\":true,\"vhostfd\":\"35\",\"id\":\"hostnet0\"}", "-device",
	    ("{\"driver\":\"virtio-net-pci\",\"netdev\":\"hostnet0\",\"id\":\"net0\","
	     "\"mac\":\"52:54:00:6b:3c:58\",\"bus\":\"pci.1\",\"addr\":\"0x0\"}") },
	  "vnet0", 33, "qemu", "web", "", VIRTIO, "52:54:00:6b:3c:58", VMM_WAITS_YES },
	{ "libvirt 4, before JSON", "qemu-kvm", "/usr/libexec/qemu-kvm",
	  { "/usr/libexec/qemu-kvm", "-name", "guest=db,debug-threads=on", "-netdev",
	    "tap,fd=30,id=hostnet0,vhost=on,vhostfd=32", "-device",
	    "virtio-net-pci,netdev=hostnet0,id=net0,mac=52:54:00:15:a2:1f,bus=pci.0,addr=0x3" },
	  "vnet3", 30, "qemu", "db", "", VIRTIO, "52:54:00:15:a2:1f", VMM_WAITS_YES },
	{ "virt-manager, an e1000 of an old guest", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=win7,debug-threads=on", "-netdev",
	    "{\"type\":\"tap\",\"fd\":\"34\",\"id\":\"hostnet0\"}", "-device",
	    "{\"driver\":\"e1000\",\"netdev\":\"hostnet0\",\"id\":\"net0\",\"mac\":\"52:54:00:aa:00:01\"}" },
	  "vnet5", 34, "qemu", "win7", "", "e1000", "52:54:00:aa:00:01", VMM_WAITS_NO },
	{ "GNOME Boxes: libvirt of a user's session, its bridge by qemu-bridge-helper", "qemu-system-x86",
	  "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=fedora-2,debug-threads=on", "-netdev",
	    "{\"type\":\"tap\",\"fd\":\"31\",\"id\":\"hostnet0\"}", "-device",
	    "{\"driver\":\"virtio-net-pci\",\"netdev\":\"hostnet0\",\"mac\":\"52:54:00:0b:0c:0d\"}" },
	  "tap0", 31, "qemu", "fedora-2", "", VIRTIO, "52:54:00:0b:0c:0d", VMM_WAITS_YES },
	{ "GNOME Boxes with user networking: no tap", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=gnome,debug-threads=on", "-netdev",
	    "{\"type\":\"user\",\"id\":\"hostnet0\"}", "-device",
	    "{\"driver\":\"virtio-net-pci\",\"netdev\":\"hostnet0\",\"mac\":\"52:54:00:0b:0c:0e\"}" },
	  NULL, 0, "", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "libvirt with passt: a stream, no tap", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=passt,debug-threads=on", "-netdev",
	    ("{\"type\":\"stream\",\"addr\":{\"type\":\"unix\",\"path\":\"/run/user/1000/passt.socket\"},"
	     "\"server\":false,\"reconnect\":5,\"id\":\"hostnet0\"}"),
	    "-device", "{\"driver\":\"virtio-net-pci\",\"netdev\":\"hostnet0\",\"mac\":\"52:54:00:0b:0c:0f\"}" },
	  NULL, 0, "", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "Proxmox VE", "kvm", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/kvm", "-id", "101", "-name", "web,debug-threads=on", "-no-shutdown", "-netdev",
	    ("type=tap,id=net0,ifname=tap101i0,script=/usr/libexec/qemu-server/pve-bridge,"
	     "downscript=/usr/libexec/qemu-server/pve-bridgedown,vhost=on"),
	    "-device",
	    ("virtio-net-pci,mac=BC:24:11:5E:30:C8,netdev=net0,bus=pci.0,addr=0x12,id=net0,rx_queue_size=1024,"
	     "tx_queue_size=256,bootindex=102") },
	  "tap101i0", 20, "qemu", "web", "101", VIRTIO, "bc:24:11:5e:30:c8", VMM_WAITS_YES },
	{ "Incus: its NICs are in a file", "qemu-system-x86", "/opt/incus/bin/qemu-system-x86_64",
	  { "/opt/incus/bin/qemu-system-x86_64", "-S", "-name", "c1", "-uuid",
	    "ec1ab1f6-3efa-4ba5-b688-a010e66ec89e", "-daemonize", "-cpu", "host,hv_passthrough", "-nographic",
	    "-serial", "chardev:console", "-nodefaults", "-no-user-config", "-readconfig",
	    "/run/incus/c1/qemu.conf", "-pidfile", "/run/incus/c1/qemu.pid", "-run-with", "user=incus" },
	  "tap8d0f7f5c", 45, "qemu", "c1", "", "", "", VMM_WAITS_UNKNOWN },
	{ "LXD from a snap", "qemu-system-x86", "/snap/lxd/19222/bin/qemu-system-x86_64",
	  { "/snap/lxd/19222/bin/qemu-system-x86_64", "-S", "-name", "cgroup2", "-uuid",
	    "ec1ab1f6-3efa-4ba5-b688-a010e66ec89e", "-daemonize", "-readconfig",
	    "/var/snap/lxd/common/lxd/logs/cgroup2/qemu.conf", "-runas", "lxd" },
	  "tap3d3c5d1a", 40, "qemu", "cgroup2", "", "", "", VMM_WAITS_UNKNOWN },
	{ "OpenStack Nova: libvirt, Neutron's tap", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=instance-0000002f,debug-threads=on", "-S", "-netdev",
	    "tap,fds=37:38,id=hostnet0,vhost=on,vhostfds=39:40", "-device",
	    ("virtio-net-pci,rx_queue_size=1024,host_mtu=1450,mq=on,vectors=6,netdev=hostnet0,id=net0,"
	     "mac=fa:16:3e:4d:1b:92,bus=pci.0,addr=0x3") },
	  "tap8e2f3a4b-1c", 38, "qemu", "instance-0000002f", "", VIRTIO, "fa:16:3e:4d:1b:92", VMM_WAITS_YES },
	{ "oVirt, vdsm: libvirt on CentOS", "qemu-kvm", "/usr/libexec/qemu-kvm",
	  { "/usr/libexec/qemu-kvm", "-name", "guest=HostedEngine,debug-threads=on", "-S", "-netdev",
	    "tap,fds=41:43,id=hostua-8f3b1c6d,vhost=on,vhostfds=44:45", "-device",
	    ("virtio-net-pci,mq=on,vectors=10,host_mtu=1500,netdev=hostua-8f3b1c6d,id=ua-8f3b1c6d,bootindex=1,"
	     "mac=00:16:3e:2b:5c:11,bus=pci.2") },
	  "vnet0", 43, "qemu", "HostedEngine", "", VIRTIO, "00:16:3e:2b:5c:11", VMM_WAITS_YES },
	{ "quickemu on a bridge, which renames its process", "ubuntu-22.04", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "ubuntu-22.04,process=ubuntu-22.04", "-machine",
	    "q35,smm=off,vmport=off,accel=kvm", "-nic", "bridge,br=br0,model=virtio-net-pci" },
	  "tap0", 13, "qemu", "ubuntu-22.04", "", VIRTIO, "", VMM_WAITS_YES },
	{ "quickemu by default: user networking, no tap", "ubuntu-22.04", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "ubuntu-22.04,process=ubuntu-22.04", "-device",
	    "virtio-net,netdev=nic", "-netdev", "user,hostname=ubuntu-22.04,hostfwd=tcp::22220-:22,id=nic" },
	  NULL, 0, "", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "Vagrant with libvirt", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=project_default,debug-threads=on", "-netdev",
	    "{\"type\":\"tap\",\"fd\":\"37\",\"id\":\"hostua-net-0\"}", "-device",
	    "{\"driver\":\"virtio-net-pci\",\"netdev\":\"hostua-net-0\",\"id\":\"ua-net-0\",\"mac\":\"52:54:00:9a:13:77\"}" },
	  "vnet1", 37, "qemu", "project_default", "", VIRTIO, "52:54:00:9a:13:77", VMM_WAITS_YES },
	{ "Vagrant with VirtualBox: its own driver, no tap", "VBoxHeadless", "/usr/lib/virtualbox/VBoxHeadless",
	  { "/usr/lib/virtualbox/VBoxHeadless", "--comment", "default_1700000000000_12345", "--startvm",
	    "6f9b2f2e-3a3e-4b4b-9e55-8d2b2f1d0001", "--vrde", "config" },
	  NULL, 0, "", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "VirtualBox headless on a tap", "VBoxHeadless", "/usr/lib/virtualbox/VBoxHeadless",
	  { "/usr/lib/virtualbox/VBoxHeadless", "--comment", "mail server", "--startvm",
	    "6f9b2f2e-3a3e-4b4b-9e55-8d2b2f1d0002", "--vrde", "config" },
	  "vbox0", 30, "virtualbox", "mail server", "", "", "", VMM_WAITS_UNKNOWN },
	{ "microvm.nix with QEMU: argv[0] is the VM's", "qemu-system-x86",
	  (STORE "qemu-host-cpu-only-for-vm-tests-9.1.2/bin/qemu-system-x86_64"),
	  { "microvm@my-vm", "-name", "my-vm", "-M", "microvm,accel=kvm:tcg,acpi=on", "-m", "4096", "-netdev",
	    "tap,id=vm-my,ifname=vm-my,script=no,downscript=no", "-device",
	    "virtio-net-device,netdev=vm-my,mac=02:00:00:00:00:01" },
	  "vm-my", 12, "qemu", "my-vm", "", "virtio-net-device", "02:00:00:00:00:01", VMM_WAITS_YES },
	{ "microvm.nix with Firecracker: argv[0] alone has the name", "firecracker",
	  (STORE "firecracker-1.16.1/bin/firecracker"),
	  { "microvm@capsule", "--config-file", (STORE "firecracker-capsule.json"), "--api-sock", "capsule.sock",
	    "--enable-pci" },
	  "vm-capsule", 14, "firecracker", "capsule", "", "virtio-net", "", VMM_WAITS_NO },
	{ "microvm.nix with crosvm", "crosvm", (STORE "crosvm-137/bin/crosvm"),
	  { "microvm@router", "run", "-m", "512", "-c", "1", "--serial", "type=stdout,console=true,stdin=true",
	    "--net", "tap-name=vm-router,mac=02:00:00:00:00:05", "-s", "router.sock" },
	  "vm-router", 9, "crosvm", "router", "", "", "02:00:00:00:00:05", VMM_WAITS_UNKNOWN },
	{ "microvm.nix with Alioth", "alioth", (STORE "alioth-0.8/bin/alioth"),
	  { "microvm@edge", "run", "--memory", "size=512M,backend=memfd", "--num-cpu", "1", "--net",
	    "if=vm-edge,mac=02:00:00:00:00:06,mtu=1500" },
	  "vm-edge", 9, "alioth", "edge", "", "", "", VMM_WAITS_UNKNOWN },
	{ "NixOS' wrapper of QEMU", ".qemu-system-x8", (STORE "qemu-8.2.6/bin/.qemu-system-x86_64-wrapped"),
	  { (STORE "qemu-8.2.6/bin/qemu-system-x86_64"), "-name", "guest=nix,debug-threads=on", "-nic",
	    "tap,ifname=vnet9,model=virtio-net-pci" },
	  "vnet9", 21, "qemu", "nix", "", VIRTIO, "", VMM_WAITS_YES },
	{ "Kata 1 with qemu-lite", "qemu-lite-syste", "/usr/bin/qemu-lite-system-x86_64",
	  { "/usr/bin/qemu-lite-system-x86_64", "-name", ("sandbox-" KATA_ID), "-uuid",
	    "f5d87afe-1b38-4919-8238-236b64f73334", "-netdev",
	    "tap,id=network-0,vhost=on,vhostfds=4,fds=5", "-device",
	    "driver=virtio-net-pci,netdev=network-0,mac=02:42:ac:11:00:03,disable-modern=false,mq=on,vectors=4" },
	  "tap0_kata", 5, "qemu", ("sandbox-" KATA_ID), "", VIRTIO, "02:42:ac:11:00:03", VMM_WAITS_YES },
	{ "Kata 1 with qemu-vanilla", "qemu-vanilla-sy", "/usr/bin/qemu-vanilla-system-x86_64",
	  { "/usr/bin/qemu-vanilla-system-x86_64", "-name", "sandbox-b1", "-uuid",
	    "5208064f-95bb-4351-aba8-526fead35624", "-netdev",
	    "tap,id=network-0,vhost=on,vhostfds=3,fds=4", "-device",
	    "driver=virtio-net-pci,netdev=network-0,mac=02:42:ac:11:00:02,disable-modern=true,mq=on,vectors=4" },
	  "tap0_kata", 4, "qemu", "sandbox-b1", "", VIRTIO, "02:42:ac:11:00:02", VMM_WAITS_YES },
	{ "Kata 3 with QEMU for SEV-SNP", "qemu-system-x86", "/opt/kata/bin/qemu-system-x86_64-snp-experimental",
	  { "/opt/kata/bin/qemu-system-x86_64-snp-experimental", "-name",
	    ("sandbox-" KATA_ID ",debug-threads=on"), "-netdev",
	    "tap,id=network-0,vhost=on,vhostfds=6,fds=7", "-device",
	    "driver=virtio-net-pci,netdev=network-0,mac=6e:12:0f:ee:d1:3c,disable-modern=true,mq=on,vectors=4" },
	  "tap0_kata", 7, "qemu", ("sandbox-" KATA_ID), "", VIRTIO, "6e:12:0f:ee:d1:3c", VMM_WAITS_YES },
	{ "Kata with Cloud Hypervisor: NICs come by its API", "cloud-hyperviso", "/opt/kata/bin/cloud-hypervisor",
	  { "/opt/kata/bin/cloud-hypervisor", "--api-socket", ("/run/vc/vm/" KATA_ID "/clh-api.sock") },
	  "tap0_kata", 28, "cloud-hypervisor", KATA_ID, "", "virtio-net", "", VMM_WAITS_YES },
	{ "Kata with Dragonball: the shim is the VMM, and no table knows it", "containerd-shim",
	  "/opt/kata/runtime-rs/bin/containerd-shim-kata-v2",
	  { "/opt/kata/runtime-rs/bin/containerd-shim-kata-v2", "-namespace", "k8s.io", "-address",
	    "/run/containerd/containerd.sock", "-id", KATA_ID },
	  "tap0_kata", 30, "containerd-shim", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "Firecracker by hand", "firecracker", "/usr/local/bin/firecracker",
	  { "firecracker", "--api-sock", "/tmp/firecracker.socket", "--config-file", "vm.json" },
	  "tap0", 13, "firecracker", "", "", "virtio-net", "", VMM_WAITS_NO },
	{ "Firecracker by its jailer", "firecracker",
	  "/srv/jailer/firecracker/551e7604-e35c-42b3-b825-416853441234/root/firecracker",
	  { "/firecracker", "--id", "551e7604-e35c-42b3-b825-416853441234", "--start-time-us", "5731032921",
	    "--start-time-cpu-us", "1523", "--parent-cpu-time-us", "23111", "--api-sock", "api.socket" },
	  "fctap0", 14, "firecracker", "551e7604-e35c-42b3-b825-416853441234", "", "virtio-net", "",
	  VMM_WAITS_NO },
	{ "Firecracker, versioned and upgraded since", "firecracker-v1.",
	  "/usr/bin/firecracker-v1.7.0-x86_64 (deleted)",
	  { "./firecracker-v1.7.0-x86_64", "--id=old", "--no-api", "--config-file", "vm.json" },
	  "fctap1", 14, "firecracker", "old", "", "virtio-net", "", VMM_WAITS_NO },
	{ "Cloud Hypervisor by hand", "cloud-hyperviso", "/usr/bin/cloud-hypervisor-static",
	  { "cloud-hypervisor-static", "--api-socket", "path=/run/ch/web.sock", "--cpus", "boot=4", "--net",
	    "tap=chtap0,mac=12:34:56:78:90:ab,ip=,mask=" },
	  "chtap0", 22, "cloud-hypervisor", "web", "", "virtio-net", "12:34:56:78:90:ab", VMM_WAITS_YES },
	{ "Cloud Hypervisor by libvirt's virtchd", "cloud-hyperviso", "/usr/bin/cloud-hypervisor",
	  { "/usr/bin/cloud-hypervisor", "--event-monitor", "path=/run/libvirt/ch/chvm-event-monitor-fifo",
	    "--api-socket", "/run/libvirt/ch/chvm-socket" },
	  "vnet7", 24, "cloud-hypervisor", "chvm", "", "virtio-net", "", VMM_WAITS_YES },
	{ "Cuttlefish: crosvm's process of the network device", "pcivirtio-net",
	  "/usr/lib/cuttlefish-common/bin/x86_64-linux-gnu/crosvm",
	  { "/usr/lib/cuttlefish-common/bin/x86_64-linux-gnu/crosvm", "--extended-status", "run",
	    "--net=tap-name=cvd-mtap-01,mac=00:1a:11:e0:cf:00,pci-address=00:01.1",
	    "--net=tap-name=cvd-etap-01,mac=00:1a:11:e1:cf:00,pci-address=00:01.2",
	    "--socket=/home/user/cuttlefish/instances/cvd-1/internal/crosvm_control.sock" },
	  "cvd-etap-01", 17, "crosvm", "internal", "", "", "00:1a:11:e1:cf:00", VMM_WAITS_UNKNOWN },
	{ "kvmtool", "lkvm", "/usr/bin/lkvm",
	  { "lkvm", "run", "-c", "2", "-m", "512", "--name", "clear-1", "--console", "virtio", "--network",
	    "mode=tap,script=none,tapif=tapclear1,guest_mac=02:42:ac:11:00:02" },
	  "tapclear1", 9, "kvmtool", "clear-1", "", "", "02:42:ac:11:00:02", VMM_WAITS_UNKNOWN },
	{ "StratoVirt", "stratovirt", "/usr/bin/stratovirt",
	  { "/usr/bin/stratovirt", "-name", "sv1", "-machine", "microvm", "-netdev",
	    "tap,id=net0,ifname=svtap0", "-device", "virtio-net-device,netdev=net0,id=eth0" },
	  "svtap0", 19, "stratovirt", "sv1", "", "", "", VMM_WAITS_UNKNOWN },
	{ "minikube with kvm2: libvirt", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "guest=minikube,debug-threads=on", "-netdev",
	    "{\"type\":\"tap\",\"fd\":\"36\",\"vhost\":true,\"vhostfd\":\"38\",\"id\":\"hostnet1\"}", "-device",
	    "{\"driver\":\"virtio-net-pci\",\"netdev\":\"hostnet1\",\"id\":\"net1\",\"mac\":\"52:54:00:c8:51:2a\"}" },
	  "vnet2", 36, "qemu", "minikube", "", VIRTIO, "52:54:00:c8:51:2a", VMM_WAITS_YES },
	{ "Multipass from a snap: no name on its command line", "qemu-system-x86",
	  "/snap/multipass/13001/usr/bin/qemu-system-x86_64",
	  { "qemu-system-x86_64", "-bios", "OVMF.fd", "--enable-kvm", "-cpu", "host", "-nic",
	    ("tap,ifname=tap-f195806e18b,script=no,downscript=no,model=virtio-net-pci,"
	     "mac=52:54:00:37:b0:08"),
	    "-device", "virtio-scsi-pci,id=scsi0", "-qmp", "stdio", "-nographic" },
	  "tap-f195806e18b", 11, "qemu", "", "", VIRTIO, "52:54:00:37:b0:08", VMM_WAITS_YES },
	{ "Lima: user networking, no tap", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-m", "4096", "-cpu", "host", "-netdev",
	    "user,id=net0,net=192.168.5.0/24,dhcpstart=192.168.5.15,hostfwd=tcp:127.0.0.1:60022-:22", "-device",
	    "virtio-net-pci,netdev=net0,mac=52:55:55:6a:1e:02", "-name", "lima-default" },
	  NULL, 0, "", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "Packer on a bridge", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-name", "packer-ubuntu", "-netdev", "bridge,id=user.0,br=virbr0",
	    "-device", "virtio-net,netdev=user.0", "-machine", "type=pc,accel=kvm" },
	  "tap2", 14, "qemu", "packer-ubuntu", "", "virtio-net", "", VMM_WAITS_YES },
	{ "Ganeti", "kvm", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/kvm", "-name", "test1.debtest.local,debug-threads=off", "-m", "256", "-daemonize", "-netdev",
	    "type=tap,id=nic-34062bad-fc63-4d1f,fd=10", "-device",
	    ("virtio-net-pci,id=nic-34062bad-fc63-4d1f,bus=pci.0,addr=0xe,netdev=nic-34062bad-fc63-4d1f,"
	     "mac=aa:00:00:b0:6b:1f,bootindex=2"),
	    "-netdev", "type=tap,id=nic-34ecd8e6-4bc7-4839,fd=11", "-device",
	    ("virtio-net-pci,id=nic-34ecd8e6-4bc7-4839,bus=pci.0,addr=0xf,netdev=nic-34ecd8e6-4bc7-4839,"
	     "mac=aa:00:00:8a:d2:08,bootindex=6") },
	  "gnt.com.1", 11, "qemu", "test1.debtest.local", "", VIRTIO, "aa:00:00:8a:d2:08", VMM_WAITS_YES },
	{ "KubeVirt, Harvester: libvirt in the pod, with its longest name", "qemu-kvm", "/usr/libexec/qemu-kvm",
	  { "/usr/libexec/qemu-kvm", "-name", "guest=default_vm-ubuntu-1,debug-threads=on", "-S", "-netdev",
	    "{\"type\":\"tap\",\"fd\":\"20\",\"vhost\":true,\"vhostfd\":\"22\",\"id\":\"hostua-default\"}", "-device",
	    ("{\"driver\":\"virtio-net-pci-non-transitional\",\"host_mtu\":1450,\"netdev\":\"hostua-default\","
	     "\"id\":\"ua-default\",\"mac\":\"02:00:00:4d:3e:5f\"}") },
	  "tap0", 20, "qemu", "default_vm-ubuntu-1", "", "virtio-net-pci-non-transitional", "02:00:00:4d:3e:5f",
	  VMM_WAITS_YES },
	{ "systemd-vmspawn", "qemu-system-x86", "/usr/bin/qemu-system-x86_64",
	  { "/usr/bin/qemu-system-x86_64", "-machine", "type=q35,accel=kvm,smm=on", "-nic",
	    "tap,ifname=vt-image,model=virtio-net-pci,script=no,downscript=no,mac=5a:9e:4d:10:21:7b" },
	  "vt-image", 10, "qemu", "", "", VIRTIO, "5a:9e:4d:10:21:7b", VMM_WAITS_YES },
	{ "Xen's device model for an HVM guest", "qemu-system-i38", "/usr/lib/xen-4.17/bin/qemu-system-i386",
	  { "/usr/lib/xen-4.17/bin/qemu-system-i386", "-xen-domid", "3", "-no-shutdown", "-name", "hvm1", "-device",
	    "rtl8139,id=nic0,netdev=net0,mac=00:16:3e:11:22:33", "-netdev",
	    "type=tap,id=net0,ifname=vif3.0-emu,br=xenbr0,script=no,downscript=no" },
	  "vif3.0-emu", 24, "qemu", "hvm1", "", "rtl8139", "00:16:3e:11:22:33", VMM_WAITS_NO },
	{ "Android's emulator on a tap", "qemu-system-x86",
	  "/opt/android-sdk/emulator/qemu/linux-x86_64/qemu-system-x86_64-headless",
	  { "/opt/android-sdk/emulator/qemu/linux-x86_64/qemu-system-x86_64-headless", "-avd", "Pixel_6", "-net-tap",
	    "emtap0" },
	  "emtap0", 33, "qemu", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "QEMU by the dynamic loader, as AppImages run it", "ld-linux-x86-64", "/tmp/.mount_qemu/lib/ld-linux-x86-64.so.2",
	  { "/tmp/.mount_qemu/lib/ld-linux-x86-64.so.2", "/tmp/.mount_qemu/bin/qemu-system-x86_64", "-name", "app",
	    "-nic", "tap,ifname=apptap,model=virtio" },
	  "apptap", 8, "qemu", "app", "", "virtio", "", VMM_WAITS_YES },
	{ "a script that is called as QEMU", "qemu-system-x86", "/usr/bin/bash",
	  { "/bin/bash", "/usr/local/bin/qemu-system-x86_64", "-name", "wrapped", "-nic", "tap,ifname=wraptap" },
	  "wraptap", 8, "qemu-system-x86", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "a script of another language", "kvm", "/usr/bin/python3.11",
	  { "python3", "/usr/bin/kvm", "-name", "wrapped" },
	  "wraptap2", 8, "kvm", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "bhyve: not on Linux", "bhyve", "/usr/sbin/bhyve",
	  { "bhyve", "-c", "2", "-s", "3:0,virtio-net,tap0", "vm1" },
	  "tapb0", 8, "bhyve", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "a VPN: its tap is no VM's", "openvpn", "/usr/sbin/openvpn",
	  { "/usr/sbin/openvpn", "--config", "server.conf", "--dev", "tap" },
	  "tap9", 6, "openvpn", "", "", "", "", VMM_WAITS_UNKNOWN },
	{ "QEMU's emulation of a user's program", "qemu-x86_64-sta", "/usr/bin/qemu-x86_64-static",
	  { "/usr/bin/qemu-x86_64-static", "./vpn", "--name", "x" },
	  "tapu0", 6, "qemu-x86_64-sta", "", "", "", "", VMM_WAITS_UNKNOWN },
};

static void check(const struct launcher *l, const struct vmm_nic *nics, size_t n)
{
	bool known = strcmp(l->vmm, "") != 0 && l->waits != VMM_WAITS_UNKNOWN;

	assert_int_equal(n, l->tap ? 1 : 0);
	if (!l->tap)
		return;
	if (strcmp(nics->vmm, l->vmm) != 0 || strcmp(nics->vm, l->vm) != 0 || strcmp(nics->vmid, l->vmid) != 0 ||
	    strcmp(nics->model, l->model) != 0 || strcmp(nics->mac, l->mac) != 0 || nics->waits != l->waits)
		print_message("# %s: %s \"%s\" [%s] %s %s: %s\n", l->what, nics->vmm, nics->vm, nics->vmid,
			      nics->model, nics->mac, nics->why);
	assert_string_equal(nics->tap, l->tap);
	assert_string_equal(nics->vmm, l->vmm);
	assert_string_equal(nics->vm, l->vm);
	assert_string_equal(nics->vmid, l->vmid);
	assert_string_equal(nics->model, l->model);
	assert_string_equal(nics->mac, l->mac);
	assert_int_equal(nics->waits, l->waits);
	if (known)
		assert_true(nics->known);
}

static void each_is_recognised_or_not_for_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(launchers); i++) {
		const struct launcher *l = &launchers[i];
		_cleanup_free_ struct vmm_nic *nics = NULL;
		struct vmm_sight sight;
		struct proc_tree t;
		size_t n = 0;

		rig_tree(&t);
		rig_process(&t, 100, l->comm, l->exe, l->argv);
		rig_fd(&t, 100, 3, "/dev/kvm", NULL);
		rig_fd(&t, 100, 4 + 100, "anon_inode:kvm-vm", NULL);
		if (l->tap)
			rig_fd(&t, 100, l->fd, TUN, l->tap);
		assert_int_equal(vmm_scan(t.root, &nics, &n, &sight), 0);
		rig_remove(&t);
		check(l, nics, n);
	}
	print_message("# %zu launchers\n", ARRAY_SIZE(launchers));
}

/* A wrapper holds the tap that it has handed to QEMU: the VM is QEMU's, although the wrapper is older. */
static void a_wrapper_is_not_the_vm(void **state)
{
	static const char *const wrapper[] = { "/bin/sh", "/usr/local/bin/kvm", "-name", "web", NULL };
	static const char *const renamed[] = { "kvm", "-name", "stranger", NULL };
	static const char *const qemu[] = { "kvm", "-name", "web", "-nic", "tap,fd=9,model=virtio-net-pci", NULL };
	_cleanup_free_ struct vmm_nic *nics = NULL;
	struct vmm_sight sight;
	struct proc_tree t;
	size_t n = 0;

	(void)state;
	rig_tree(&t);
	rig_process(&t, 10, "kvm", "/bin/dash", wrapper);
	rig_fd(&t, 10, 9, TUN, "tap0");
	rig_process(&t, 11, "kvm", "/opt/launcher", renamed);
	rig_fd(&t, 11, 9, TUN, "tap0");
	rig_process(&t, 12, "web", "/usr/bin/qemu-system-x86_64", qemu);
	rig_fd(&t, 12, 9, TUN, "tap0");
	assert_int_equal(vmm_scan(t.root, &nics, &n, &sight), 0);
	rig_remove(&t);
	assert_int_equal(n, 1);
	assert_int_equal(nics[0].pid, 12);
	assert_string_equal(nics[0].vm, "web");
	assert_true(nics[0].certain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_recognised_or_not_for_a_reason),
		cmocka_unit_test(a_wrapper_is_not_the_vm),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_vmm_launchers", tests, NULL, NULL);
}
