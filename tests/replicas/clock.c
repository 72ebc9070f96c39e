/* A machine whose clock is HOURS ahead, for one process: cc -shared -fPIC -DHOURS=1 -o clock.so clock.c, LD_PRELOAD=clock.so.
   libfaketime does not start beside jemalloc. The monotonic clock stays as it is. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
  long result = syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += 3600L * HOURS;
  return (int)result;
}
