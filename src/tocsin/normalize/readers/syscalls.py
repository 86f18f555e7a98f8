"""Names of Linux system calls that detection asks for, by architecture and number.

Numbers are those of the kernel's own tables: `arch/x86/entry/syscalls/syscall_64.tbl` and, for
aarch64, `include/uapi/asm-generic/unistd.h`. Of x86 in 32 bits only what starts programs is named.
"""

_X86_64 = (
    "0:read 1:write 2:open 3:close 4:stat 5:fstat 6:lstat 9:mmap 10:mprotect 16:ioctl 21:access"
    " 32:dup 33:dup2 41:socket 42:connect 43:accept 44:sendto 45:recvfrom 46:sendmsg 47:recvmsg"
    " 49:bind 50:listen 53:socketpair 56:clone 57:fork 58:vfork 59:execve 60:exit 61:wait4"
    " 62:kill 63:uname 76:truncate 77:ftruncate 80:chdir 81:fchdir 82:rename 83:mkdir 84:rmdir"
    " 85:creat 86:link 87:unlink 88:symlink 89:readlink 90:chmod 91:fchmod 92:chown 93:fchown"
    " 94:lchown 95:umask 99:sysinfo 101:ptrace 103:syslog 105:setuid 106:setgid 112:setsid"
    " 113:setreuid 114:setregid 116:setgroups 117:setresuid 119:setresgid 122:setfsuid"
    " 123:setfsgid 126:capset 132:utime 133:mknod 135:personality 155:pivot_root 157:prctl"
    " 159:adjtimex 160:setrlimit 161:chroot 164:settimeofday 165:mount 166:umount2 167:swapon"
    " 168:swapoff 169:reboot 170:sethostname 171:setdomainname 175:init_module 176:delete_module"
    " 188:setxattr 189:lsetxattr 190:fsetxattr 197:removexattr 198:lremovexattr 199:fremovexattr"
    " 200:tkill 227:clock_settime 234:tgkill 235:utimes 246:kexec_load 257:openat 258:mkdirat"
    " 259:mknodat 260:fchownat 261:futimesat 263:unlinkat 264:renameat 265:linkat 266:symlinkat"
    " 267:readlinkat 268:fchmodat 269:faccessat 272:unshare 280:utimensat 288:accept4 292:dup3"
    " 298:perf_event_open 303:name_to_handle_at 304:open_by_handle_at 305:clock_adjtime"
    " 307:sendmmsg 308:setns 310:process_vm_readv 311:process_vm_writev 313:finit_module"
    " 316:renameat2 319:memfd_create 320:kexec_file_load 321:bpf 322:execveat 323:userfaultfd"
    " 425:io_uring_setup 426:io_uring_enter 428:open_tree 429:move_mount 430:fsopen 435:clone3"
    " 437:openat2 439:faccessat2 442:mount_setattr 452:fchmodat2"
)
_AARCH64 = (
    "5:setxattr 6:lsetxattr 7:fsetxattr 14:removexattr 15:lremovexattr 16:fremovexattr 23:dup"
    " 24:dup3 29:ioctl 33:mknodat 34:mkdirat 35:unlinkat 36:symlinkat 37:linkat 38:renameat"
    " 39:umount2 40:mount 41:pivot_root 45:truncate 46:ftruncate 48:faccessat 49:chdir 50:fchdir"
    " 51:chroot 52:fchmod 53:fchmodat 54:fchownat 55:fchown 56:openat 57:close 63:read 64:write"
    " 78:readlinkat 80:fstat 88:utimensat 91:capset 92:personality 93:exit 97:unshare"
    " 104:kexec_load 105:init_module 106:delete_module 112:clock_settime 116:syslog 117:ptrace"
    " 129:kill 130:tkill 131:tgkill 142:reboot 143:setregid 144:setgid 145:setreuid 146:setuid"
    " 147:setresuid 149:setresgid 151:setfsuid 152:setfsgid 157:setsid 159:setgroups 160:uname"
    " 161:sethostname 162:setdomainname 164:setrlimit 166:umask 167:prctl 170:settimeofday"
    " 171:adjtimex 179:sysinfo 198:socket 199:socketpair 200:bind 201:listen 202:accept"
    " 203:connect 206:sendto 207:recvfrom 211:sendmsg 212:recvmsg 220:clone 221:execve 222:mmap"
    " 224:swapon 225:swapoff 226:mprotect 241:perf_event_open 242:accept4 260:wait4"
    " 264:name_to_handle_at 265:open_by_handle_at 266:clock_adjtime 268:setns 269:sendmmsg"
    " 270:process_vm_readv 271:process_vm_writev 273:finit_module 276:renameat2 279:memfd_create"
    " 280:bpf 281:execveat 282:userfaultfd 294:kexec_file_load 425:io_uring_setup"
    " 426:io_uring_enter 428:open_tree 429:move_mount 430:fsopen 435:clone3 437:openat2"
    " 439:faccessat2 442:mount_setattr 452:fchmodat2"
)
_I386 = "11:execve 358:execveat"


def _table(text: str) -> dict[str, str]:
    return dict(entry.split(":") for entry in text.split())


_TABLES = {
    "c000003e": _table(_X86_64),
    "x86_64": _table(_X86_64),
    "c00000b7": _table(_AARCH64),
    "aarch64": _table(_AARCH64),
    "40000003": _table(_I386),
    "i386": _table(_I386),
}
"""By what `arch=` says: AUDIT_ARCH_* in hexadecimal, or the name that interpreted logs have."""


def syscall_name(arch: str, number: str) -> str:
    """The name of a system call; what is no number is a name already, an unknown number is ``."""
    if number and not number.isdigit():
        return number
    return _TABLES.get(arch.lower(), {}).get(number, "")
