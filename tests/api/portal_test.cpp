// What the portal's folder gives, and what it does not.
#include "madang/api/portal.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace madang::api {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("madang-portal-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_ / "assets");
  }
  ~Folder() { fs::remove_all(path_); }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

TEST(Portal, ReadsItsFilesAndTheirCompressedCopies) {
  const Folder folder;
  folder.write("index.html", "<!doctype html>");
  folder.write("assets/a-1.js", "let a");
  folder.write("assets/a-1.js.br", "packed");
  const auto portal = Portal::load(folder.path());
  ASSERT_TRUE(portal.ok());
  ASSERT_TRUE(*portal);
  EXPECT_EQ((*portal)->index().plain, "<!doctype html>");
  EXPECT_EQ((*portal)->index().type, "text/html; charset=utf-8");
  const PortalFile* script = (*portal)->asset("a-1.js");
  ASSERT_NE(script, nullptr);
  EXPECT_EQ(script->type, "text/javascript; charset=utf-8");
  EXPECT_EQ(script->brotli, "packed");
  EXPECT_TRUE(script->gzip.empty());
  EXPECT_NE(script->digest, (*portal)->index().digest);
  EXPECT_EQ((*portal)->asset("a-1.js.br"), nullptr);
}

TEST(Portal, IsNotThereWithoutAnIndex) {
  const Folder folder;
  folder.write("assets/a-1.js", "let a");
  const auto portal = Portal::load(folder.path());
  ASSERT_TRUE(portal.ok());
  EXPECT_FALSE(*portal);
  EXPECT_FALSE(*Portal::load(folder.path() + "/nowhere"));
}

TEST(Portal, LeadsNowhereElse) {
  const Folder folder;
  folder.write("index.html", "<!doctype html>");
  folder.write("secret.txt", "s");
  fs::create_symlink("/etc/passwd", fs::path(folder.path()) / "assets" / "passwd.txt");
  const auto portal = Portal::load(folder.path());
  ASSERT_TRUE(portal.ok());
  for (const char* name : {"passwd.txt", "../secret.txt", "../index.html", "", "."})
    EXPECT_EQ((*portal)->asset(name), nullptr) << name;
}

TEST(Portal, IsRefusedBeyondItsLimits) {
  const Folder folder;
  folder.write("index.html", "<!doctype html>");
  folder.write("assets/a.js", std::string(100, 'a'));
  folder.write("assets/b.js", "b");
  EXPECT_TRUE(Portal::load(folder.path(), {.files = 2, .bytes = 1'000}).ok());
  EXPECT_FALSE(Portal::load(folder.path(), {.files = 1, .bytes = 1'000}).ok());
  EXPECT_FALSE(Portal::load(folder.path(), {.files = 2, .bytes = 100}).ok());
}

}  // namespace
}  // namespace madang::api
