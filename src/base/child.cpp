#include "madang/base/child.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "madang/base/uri.h"

namespace madang::base {
namespace {

constexpr std::size_t kPiece = 256 << 10;
constexpr std::size_t kSaid = 2'000;
constexpr std::size_t kStack = 256 << 10;
constexpr std::chrono::milliseconds kLook{100};  // how often it is asked whether to stop

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor from, to;
};
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return error(Code::unavailable, "There is no pipe to be had: " + std::generic_category().message(errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

/// What any program here needs to start.
constexpr std::array<const char*, 6> kSystem{"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/dev/null"};

bool allow(int fence, const char* path) {
  const Descriptor place(::open(path, O_PATH | O_CLOEXEC));
  struct stat about {};
  if (place.get() < 0 || ::fstat(place.get(), &about) != 0) return errno == ENOENT;
  landlock_path_beneath_attr rule{};
  rule.parent_fd = place.get();
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (!S_ISCHR(about.st_mode)) rule.allowed_access |= LANDLOCK_ACCESS_FS_EXECUTE;
  if (S_ISDIR(about.st_mode)) rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  return ::syscall(SYS_landlock_add_rule, fence, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/// A rule set of Landlock (Linux 5.13) that lets nothing be done to files but to read those; none where the kernel has
/// it not.
Descriptor fence_around(const std::vector<std::string>& readable) {
  if (readable.empty()) return {};
  landlock_ruleset_attr handled{};
  handled.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // all of its first version
  Descriptor fence(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0)));
  if (fence.get() < 0) return {};
  bool all = true;
  for (const char* path : kSystem) all = allow(fence.get(), path) && all;
  for (const std::string& path : readable) all = allow(fence.get(), path.c_str()) && all;
  return all ? std::move(fence) : Descriptor();
}

/// All that the child needs between the clone and the exec, made before: it shares our memory there and may only call
/// the system.
struct Launch {
  const char* program;
  char* const* arguments;
  char* const* environment;
  int input, output, said, fence;
  const ChildLimits& limits;
  int fault = 0;  // errno of what failed
};

/// `grace`: beyond the limit, where the signal that tells of it is followed by the one that ends it.
bool limit(__rlimit_resource_t what, std::uint64_t most, std::uint64_t grace = 0) {
  rlimit both{};
  if (::getrlimit(what, &both) != 0) return false;
  both.rlim_max = std::min<rlim_t>(both.rlim_max, most + grace);
  both.rlim_cur = std::min<rlim_t>(both.rlim_max, most);
  return ::setrlimit(what, &both) == 0;
}

int launched(void* given) {
  auto& launch = *static_cast<Launch*>(given);
  const ChildLimits& most = launch.limits;
  const auto seconds = static_cast<std::uint64_t>(most.processor.count());
  const bool ready = ::setpgid(0, 0) == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
                     ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::dup2(launch.input, STDIN_FILENO) >= 0 &&
                     ::dup2(launch.output, STDOUT_FILENO) >= 0 && ::dup2(launch.said, STDERR_FILENO) >= 0 &&
                     ::close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0 && ::chdir("/") == 0 &&
                     limit(RLIMIT_AS, most.memory) && limit(RLIMIT_CPU, seconds, 1) &&
                     limit(RLIMIT_FSIZE, most.file_bytes) && limit(RLIMIT_NOFILE, most.files) &&
                     limit(RLIMIT_CORE, 0) &&
                     (launch.fence < 0 || ::syscall(SYS_landlock_restrict_self, launch.fence, 0) == 0);
  for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (ready) ::execve(launch.program, launch.arguments, launch.environment);
  launch.fault = errno;
  ::_exit(127);
}

/// As posix_spawn does it, with name spaces: a fork would copy the page tables of all that the server holds.
pid_t spawn(Launch& launch, bool& cut_off) {
  void* const stack =
      ::mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) return -1;
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);  // no handler of ours may run there
  pid_t made = -1;
  // A user name space needs no privilege; where those are forbidden, a privileged process can do without.
  for (const int spaces : {CLONE_NEWUSER | CLONE_NEWNET, CLONE_NEWNET, 0}) {
    made = ::clone(launched, static_cast<char*>(stack) + kStack, CLONE_VM | CLONE_VFORK | SIGCHLD | spaces, &launch);
    cut_off = spaces != 0;
    if (made >= 0) break;
  }
  const int fault = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::munmap(stack, kStack);
  errno = fault;
  return made;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::string trimmed(std::string said) {
  while (!said.empty() && (said.back() == ' ' || said.back() == '\n')) said.pop_back();
  return said;
}

}  // namespace

struct Child::Impl {
  pid_t pid = -1;
  std::string name, said, piece;
  Descriptor output, complaints;
  bool cut_off = false, fenced_in = false, output_open = true;
  ChildLimits limits;
  std::function<bool()> stopping;

  ~Impl() { end(); }

  void end() {
    if (pid < 0) return;
    ::kill(-pid, SIGKILL);
    (void)wait();
  }

  int wait() {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    ::kill(-pid, SIGKILL);  // what it may have started
    pid = -1;
    return status;
  }

  Error ended(Code code, std::string message) {
    end();
    return error(code, name + ": " + std::move(message));
  }

  /// What there is to read of one of both; what is beyond kSaid is let go.
  void hear() {
    std::array<char, 4'096> heard{};
    const ssize_t got = ::read(complaints.get(), heard.data(), heard.size());
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
      complaints = Descriptor();
      return;
    }
    said.append(heard.data(), std::min<std::size_t>(static_cast<std::size_t>(got), kSaid - said.size()));
  }

  Status verdict() {
    const int status = wait();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    const std::string words = as_valid_utf8(trimmed(said));
    if (WIFSIGNALED(status)) {
      const int signal = WTERMSIG(status);
      if (signal == SIGXCPU)
        return error(Code::too_complex,
                     name + ": It took more than " + std::to_string(limits.processor.count()) + " s of the processor.");
      return error(Code::unprocessable, name + ": It broke off (signal " + std::to_string(signal) + ", with at most " +
                                            std::to_string(limits.memory >> 20) + " MiB of memory)" +
                                            (words.empty() ? "." : ": " + words));
    }
    return error(Code::unprocessable,
                 name + ": " + (words.empty() ? "It ended with " + std::to_string(WEXITSTATUS(status)) + "." : words));
  }
};

std::string find_program(std::string_view name) {
  const char* known = std::getenv("PATH");
  std::string_view path = known != nullptr ? known : "/usr/local/bin:/usr/bin:/bin";
  while (!path.empty()) {
    const auto end = std::min(path.find(':'), path.size());
    std::string tried(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
    if (!tried.starts_with('/')) continue;
    tried.append("/").append(name);
    if (::access(tried.c_str(), X_OK) == 0) return tried;
  }
  return {};
}

Child::Child(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Child::Child(Child&&) noexcept = default;
Child& Child::operator=(Child&&) noexcept = default;
Child::~Child() = default;

bool Child::cut_off() const {
  return impl_->cut_off;
}

bool Child::fenced_in() const {
  return impl_->fenced_in;
}

Result<Child> Child::start(const ChildCall& call) {
  MADANG_TRY(Pipe output, make_pipe());
  MADANG_TRY(Pipe said, make_pipe());
  const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Descriptor fence = fence_around(call.readable);
  std::vector<std::string> words{call.program}, environment = call.environment;
  words.insert(words.end(), call.arguments.begin(), call.arguments.end());
  const auto arguments = pointers(words), variables = pointers(environment);
  Launch launch{.program = call.program.c_str(),
                .arguments = arguments.data(),
                .environment = variables.data(),
                .input = nothing.get(),
                .output = output.to.get(),
                .said = said.to.get(),
                .fence = fence.get(),
                .limits = call.limits};
  auto impl = std::make_unique<Impl>();
  impl->name = call.program.substr(call.program.rfind('/') + 1);
  impl->limits = call.limits;
  impl->stopping = call.stopping;
  impl->fenced_in = fence.get() >= 0;
  impl->pid = spawn(launch, impl->cut_off);
  if (impl->pid < 0) return error(Code::unavailable, impl->name + " cannot be started: no process is to be had.");
  if (launch.fault != 0) {
    (void)impl->wait();
    return error(launch.fault == ENOENT ? Code::not_found : Code::unavailable,
                 call.program + " cannot be started: " + std::generic_category().message(launch.fault) + ".");
  }
  impl->output = std::move(output.from);
  impl->complaints = std::move(said.from);
  return Child(std::move(impl));
}

Result<std::string_view> Child::read() {
  Impl& child = *impl_;
  if (child.pid < 0) return std::string_view();
  auto heard = std::chrono::steady_clock::now();
  while (child.output_open || child.complaints.get() >= 0) {
    if (child.stopping && child.stopping()) return child.ended(Code::unavailable, "It was ended, as all of it is.");
    if (std::chrono::steady_clock::now() - heard > child.limits.silence)
      return child.ended(Code::timeout,
                         "Nothing came of it in " + std::to_string(child.limits.silence.count()) + " s.");
    std::array<pollfd, 2> both{
        {{child.output_open ? child.output.get() : -1, POLLIN, 0}, {child.complaints.get(), POLLIN, 0}}};
    if (::poll(both.data(), both.size(), static_cast<int>(kLook.count())) <= 0) continue;
    if (both[1].revents != 0) child.hear();
    if (both[0].revents == 0) continue;
    child.piece.resize(kPiece);
    const ssize_t got = ::read(child.output.get(), child.piece.data(), child.piece.size());
    if (got > 0) return std::string_view(child.piece).substr(0, static_cast<std::size_t>(got));
    if (got == 0 || errno != EINTR) child.output_open = false;
  }
  MADANG_CHECK(child.verdict());
  return std::string_view();
}

}  // namespace madang::base
