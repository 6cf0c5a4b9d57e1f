// Programs of the system as children: what they print, and that none does more than it may.

#include "madang/base/child.h"

#include <chrono>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace madang::base {
namespace {

ChildCall shell(std::string script) {
  ChildCall call;
  call.program = "/bin/sh";
  call.arguments = {"-c", std::move(script)};
  call.environment = {"PATH=/usr/bin:/bin"};
  return call;
}

struct Outcome {
  std::string printed;
  Status end;
};
Outcome run(const ChildCall& call) {
  Outcome out;
  auto child = Child::start(call);
  if (!child.ok()) {
    out.end = child.error();
    return out;
  }
  for (;;) {
    const auto piece = child->read();
    if (!piece.ok()) out.end = piece.error();
    if (!piece.ok() || piece->empty()) return out;
    out.printed += *piece;
  }
}

TEST(Child, PrintsWhatItPrints) {
  const Outcome out = run(shell("echo one; echo two"));
  EXPECT_TRUE(out.end.ok());
  EXPECT_EQ(out.printed, "one\ntwo\n");
  const Outcome much = run(shell("head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2"));
  EXPECT_TRUE(much.end.ok());
  EXPECT_EQ(much.printed.size(), 3'000'000u);
}

TEST(Child, HasNothingOfOursButWhatItIsGiven) {
  ::setenv("MADANG_SECRET", "x", 1);
  const Outcome out = run(shell("env | grep -c SECRET; cat; pwd; ls /proc/self/fd | wc -l"));
  EXPECT_EQ(out.printed, "0\n/\n4\n");  // the fourth is the folder that ls reads
  ::unsetenv("MADANG_SECRET");
}

TEST(Child, FailsWithWhatItSaid) {
  const Outcome out = run(shell("echo begun; echo 'no such layer' >&2; echo really >&2; exit 3"));
  EXPECT_EQ(out.printed, "begun\n");
  ASSERT_FALSE(out.end.ok());
  EXPECT_EQ(out.end.error().code, Code::unprocessable);
  EXPECT_EQ(out.end.error().message, "sh: no such layer\nreally");
  EXPECT_EQ(run(shell("exit 3")).end.error().message, "sh: It ended with 3.");
}

TEST(Child, WhatIsNotThereIsNotFound) {
  ChildCall call = shell("");
  call.program = "/no/such/program";
  EXPECT_EQ(run(call).end.error().code, Code::not_found);
  EXPECT_EQ(find_program("no-such-program"), "");
  EXPECT_TRUE(find_program("sh").ends_with("/sh"));
}

TEST(Child, HasLimits) {
  ChildCall hungry = shell("x=a; while true; do x=$x$x; done");
  hungry.limits.memory = 64 << 20;
  EXPECT_EQ(run(hungry).end.error().code, Code::unprocessable);
  ChildCall busy = shell("while true; do :; done");
  busy.limits.processor = std::chrono::seconds(1);
  const Outcome out = run(busy);
  EXPECT_EQ(out.end.error().code, Code::too_complex);
  EXPECT_NE(out.end.error().message.find("1 s of the processor"), std::string::npos);
  char name[] = "/tmp/madang-child-XXXXXX";
  ASSERT_GE(::mkstemp(name), 0);
  ChildCall wordy = shell(std::string("head -c 1000000 /dev/zero > ") + name);
  wordy.limits.file_bytes = 4'096;
  EXPECT_FALSE(run(wordy).end.ok());
  struct stat about {};
  ASSERT_EQ(::stat(name, &about), 0);
  EXPECT_EQ(about.st_size, 4'096);
  ::unlink(name);
}

TEST(Child, IsEndedWithItsGroupWhenItIsSilentOrNotWanted) {
  ChildCall silent = shell("sleep 600 & echo $!; wait");
  silent.limits.silence = std::chrono::seconds(1);
  const Outcome out = run(silent);
  EXPECT_EQ(out.end.error().code, Code::timeout);
  const int grandchild = std::stoi(out.printed);
  // What nobody waits for any more may stand as a zombie until init has taken it.
  const auto gone = [&] {
    std::ifstream status("/proc/" + std::to_string(grandchild) + "/stat");
    std::string pid, name, state;
    return !(status >> pid >> name >> state) || state == "Z" || state == "X";
  };
  for (int i = 0; i < 1'000 && !gone(); ++i) ::usleep(10'000);
  EXPECT_TRUE(gone());
  int asked = 0;
  ChildCall unwanted = shell("sleep 600");
  unwanted.stopping = [&] { return ++asked > 3; };
  EXPECT_EQ(run(unwanted).end.error().code, Code::unavailable);
  EXPECT_EQ(asked, 4);
}

TEST(Child, ReadsNoOtherFilesWhereTheKernelFencesItIn) {
  char one[] = "/tmp/madang-child-XXXXXX", other[] = "/tmp/madang-child-XXXXXX";
  for (char* name : {one, other}) {
    const int made = ::mkstemp(name);
    ASSERT_GE(made, 0);
    ASSERT_EQ(::write(made, "x\n", 2), 2);
    ::close(made);
  }
  ChildCall call = shell(std::string("cat ") + one + "; cat " + other + "; cat /etc/passwd; ls /tmp; echo > " + one +
                         "; echo > /tmp/madang-new; true");
  call.readable = {one};
  auto child = Child::start(call);
  ASSERT_TRUE(child.ok());
  const bool fenced = child->fenced_in();
  const Outcome out = run(call);
  ::unlink(one), ::unlink(other);
  if (!fenced) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_TRUE(out.end.ok());
  EXPECT_EQ(out.printed, "x\n");
  EXPECT_NE(::access("/tmp/madang-new", F_OK), 0);
}

TEST(Child, HasNoNetworkWhereTheKernelCutsItOff) {
  auto child = Child::start(shell("tail -n +3 /proc/self/net/dev | grep -v lo: | wc -l"));
  ASSERT_TRUE(child.ok());
  const auto piece = child->read();
  ASSERT_TRUE(piece.ok());
  if (!child->cut_off()) GTEST_SKIP() << "this kernel makes no network name space for us";
  EXPECT_EQ(*piece, "0\n");
}

}  // namespace
}  // namespace madang::base
