// The command line. CLI11 is header-only and heavy: this is the only file that sees it.

#include <cstdio>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "bench/bench.h"
#include "commands/commands.h"

namespace {

using namespace madang::app;

constexpr const char* kExitCodes =
    "Exit codes: 0 done; 1 done, but something was refused; 2 the command line or the configuration is wrong;\n"
    "3 disk, network or the other side refused; 4 stored data is damaged; 5 another server has the folder;\n"
    "6 the folder was written by a newer version.\n"
    "More on a command: madang COMMAND --help";

void add_target(CLI::App& command, Target& target) {
  auto* url = command.add_option("--url", target.url, "Address of a running server (http://localhost:8080)");
  command.add_option("--data", target.folder, "Or the data folder of a stopped one")->excludes(url);
  command.add_option("--tenant", target.tenant, "Tenant (the default one)");
  command.add_option("--token", target.token, "Bearer token ($MADANG_TOKEN)");
}

/// A subcommand whose `run` gives the exit code.
CLI::App& add(CLI::App& app, const char* name, const char* what, const char* example, int& code,
              std::function<int()> run) {
  CLI::App& command = *app.add_subcommand(name, what);
  command.footer(std::string("Example:\n  ") + example);
  command.callback([&code, run = std::move(run)] { code = run(); });
  return command;
}

void add_serve(CLI::App& app, ServeCommand& c, int& code) {
  CLI::App& serve_ = add(app, "serve", "Run the server",
                         "madang serve --data ./data --port 8080\n  madang serve --config /etc/madang/madang.toml",
                         code, [&c] { return serve(c); });
  serve_.add_option("--config", c.config, "Configuration file (madang config shows every key)");
  serve_.add_option("--listen", c.listen, "Address to listen on (127.0.0.1); another one needs tokens");
  serve_.add_option("--port", c.port, "Port (8080); 0: any free one")->check(CLI::Range(0, 65'535));
  serve_.add_option("--data", c.data, "Data folder (./data)");
  serve_.add_option("--threads", c.threads, "Threads that answer requests (cores - 1)");
  serve_.add_option("--context-map", c.context_map, "File that says where contexts are found without the internet");
  serve_.add_option("--log-file", c.log_file, "Log file; reopened at SIGHUP (standard error)");
  serve_.add_option("--log-level", c.log_level, "debug, info, warning or error (info)");
  serve_.add_option("--set", c.set, "Any key of the configuration: --set journal.keep.age=30d")->take_all();
  serve_.add_flag("--allow-private-egress", c.allow_private_egress, "Fetch contexts from private addresses too");
  serve_.add_flag("--no-sample", c.no_sample, "Put no sample into a new folder");
}

void add_transfer(CLI::App& app, ImportCommand& in, ExportCommand& out, int& code) {
  CLI::App& import_ = add(
      app, "import", "Put the entities of files into a server",
      "madang import stations.ndjson\n"
      "  madang import schools.geojson --type School --id 'urn:ngsi-ld:School:{id}' --data ./data\n\n"
      "Files: a JSON array, one entity a line (NDJSON), a single entity, a FeatureCollection of NGSI-LD features; '-' "
      "is\n"
      "standard input. With --type and --id, plain GeoJSON: each property becomes a Property, null is left out, the\n"
      "geometry becomes `location`. A property name that cannot be an NGSI-LD name is rewritten: a character that is "
      "no\n"
      "letter, digit or _ becomes _; a name that begins with no letter gets p_ (p before _) in front; one that "
      "NGSI-LD\n"
      "uses itself (id, type, location, ...) gets _ behind; a second one that comes to the same name gets _2.\n"
      "What is refused is named with its line and the reason; the rest goes on.",
      code, [&in] { return import_files(in); });
  import_.add_option("files", in.files, "Files")->required();
  add_target(import_, in.target);
  import_.add_option("--context", in.target.context, "URL of the @context for entities that bring none");
  import_.add_option("--type", in.type, "Entity type for plain GeoJSON features");
  import_.add_option("--id", in.id, "Their ids: {id} the feature's id, {line} its line, {name} a property");
  import_.add_flag("--update", in.update, "Add to entities that exist instead of replacing them");
  import_.add_option("--connections", in.connections, "Connections (4)")->check(CLI::Range(1, 64));
  import_.add_option("--batch", in.batch, "Entities in a request (500)")->check(CLI::Range(1, 1'000));
  import_.add_option("--show-refused", in.show_refused, "How many refused lines are named (1000)");

  CLI::App& export_ = add(
      app, "export", "Write the entities of a server to a file",
      "madang export --out city.ndjson\n  madang export --data ./data --type School --format geojson > schools.geojson",
      code, [&out] { return export_entities(out); });
  add_target(export_, out.target);
  export_.add_option("--context", out.target.context, "URL of the @context that shortens names");
  export_.add_option("--type", out.type, "Only this type (or selection: A,B)");
  export_.add_option("--out", out.out, "File (standard output)");
  export_.add_option("--format", out.format, "ndjson, json or geojson (ndjson)")
      ->check(CLI::IsMember({"ndjson", "json", "geojson"}));
}

void add_feed(CLI::App& app, FeedTryCommand& c, int& code) {
  CLI::App& feed_ = *app.add_subcommand("feed", "Work out how a source of data becomes entities");
  feed_.require_subcommand(1);
  feed_.footer("Example:\n  madang feed try air.csv\n  madang feed try air.csv --declaration air.json");
  CLI::App& try_ = add(feed_, "try", "Show what a feed would make of a file: the first entities, and every problem",
                       "madang feed try air.csv > air.json    (without a declaration: a first one is proposed)\n"
                       "  madang feed try air.csv --declaration air.json --show 10",
                       code, [&c] { return feed_try(c); });
  try_.add_option("file", c.file, "The file")->required();
  try_.add_option("--declaration", c.declaration, "The feed's declaration, as JSON");
  try_.add_option("--records", c.records,
                  "Which part of it: a path in JSON or XML, a layer of a GeoPackage, a table of a timetable");
  try_.add_option("--show", c.show, "How many entities are shown (3)");
}

void add_sample(CLI::App& app, SampleCityCommand& c, int& code) {
  CLI::App& sample_ = add(app, "sample-city", "Make up a district, and let it live",
                          "madang sample-city --out ./baetgol\n"
                          "  madang sample-city --out ./baetgol --play --url http://localhost:8080 --speed 60",
                          code, [&c] { return sample_city(c); });
  sample_.add_option("--out", c.out, "Folder of its files: OSM, GTFS, CSV, and the feeds' declarations")->required();
  sample_.add_option("--seed", c.seed, "Another number makes another district (1)");
  auto* play = sample_.add_flag("--play", c.play, "Declare its feeds at a server and go on feeding it, until Ctrl-C");
  sample_.add_option("--url", c.url, "Address of the server (http://localhost:8080)")->needs(play);
  sample_.add_option("--token", c.token, "Bearer token with the role admin ($MADANG_TOKEN)")->needs(play);
  sample_
      .add_option("--mqtt", c.broker, "Broker that car parks and chargers tell their state, such as mqtt://localhost")
      ->needs(play);
  sample_.add_option("--speed", c.speed, "Times real time (1)")->needs(play)->check(CLI::Range(0.1, 3'600.0));
}

void add_keeping(CLI::App& app, BackupCommand& b, RestoreCommand& r, std::string& folder, int& code) {
  CLI::App& check_ = add(app, "check", "Verify a data folder: every checksum, every index", "madang check ./data", code,
                         [&folder] { return check_data(folder); });
  check_.add_option("folder", folder, "Folder of a stopped server, or a backup")->required();

  CLI::App& backup_ =
      add(app, "backup", "Copy a data folder, also while its server runs",
          "madang backup --url http://localhost:8080 --data ./data --to /backups/monday --keys-to /safe/keys\n"
          "  madang backup --data ./data --to /backups/monday --keys-to /safe/keys    (server stopped)",
          code, [&b] { return backup(b); });
  backup_.add_option("--url", b.target.url, "Address of the running server; run this on its machine");
  backup_.add_option("--data", b.target.folder, "The data folder");
  backup_.add_option("--token", b.target.token, "Bearer token with the role admin ($MADANG_TOKEN)");
  backup_.add_option("--to", b.to, "New or empty folder")->required();
  auto* keys_to =
      backup_.add_option("--keys-to", b.keys_to,
                         "File, not beside the backup, for a copy of the keys that open it; replaced by each "
                         "backup, so that keys destroyed by erasing are gone there too");
  backup_.add_flag("--open", b.open, "Do not seal: needs no keys, and erasing does not reach it")->excludes(keys_to);

  CLI::App& restore_ = add(app, "restore", "Make a data folder from a backup, as of any kept moment",
                           "madang restore --from /backups/monday --to ./data --at 2026-11-22T18:00:00Z", code,
                           [&r] { return restore(r); });
  restore_.add_option("--from", r.from, "A backup, or a stopped data folder")->required();
  restore_.add_option("--to", r.to, "New or empty folder")->required();
  auto* at = restore_.add_option("--at", r.at, "As it was at this time (the latest)");
  restore_.add_option("--keys", r.keys, "The keys of a sealed backup (--keys-to of `madang backup`)");
  restore_.add_option("--position", r.position, "Or at this journal position")->excludes(at);
}

void add_small(CLI::App& app, TokenCommand& t, bool& markdown, int& code) {
  CLI::App& token_ =
      add(app, "token", "Make an access token and the configuration lines for it",
          "madang token gateway --role write --tenant '' --tenant schools", code, [&t] { return make_token(t); });
  token_.add_option("name", t.name, "Who it is for")->required();
  token_.add_option("--role", t.role, "read, write or admin (read)");
  token_.add_option("--tenant", t.tenants, "Tenants it is good for; '*' is all (the default tenant)");

  CLI::App& config_ = add(app, "config", "Show every key of the configuration", "madang config > madang.toml", code,
                          [&markdown] { return show_config(markdown); });
  config_.add_flag("--markdown", markdown, "As the reference page");
  add(app, "openapi", "Show the description of the HTTP interface (OpenAPI 3.1)", "madang openapi > openapi.json", code,
      show_openapi);
}

void add_bench(CLI::App& app, BenchCommand& b, int& code) {
  CLI::App& bench_ =
      add(app, "bench", "Measure a server beside what this machine can do at most",
          "madang bench --entities 1000,10000\n  madang bench --target http://localhost:1026 --only retrieve", code,
          [&b] { return bench(b); });
  bench_.add_option("--target", b.target, "Another NGSI-LD broker instead of an own server");
  bench_.add_option("--entities", b.entities, "Numbers of entities (1000,10000,100000)")->delimiter(',');
  bench_.add_option("--connections", b.connections, "Connections (1,64,512)")
      ->delimiter(',')
      ->check(CLI::Range(1, 4'096));
  bench_.add_option("--seconds", b.seconds, "Seconds for each figure (3)")->check(CLI::Range(0.1, 600.0));
  bench_.add_option("--only", b.only, "Only figures whose name contains this");
  bench_.add_option("--folder", b.folder, "Where the data of the run goes, then removed (a folder under /var/tmp)");
  bench_.add_flag("--history", b.history, "With a server that keeps history");
  bench_.add_option("--server-cpu", b.server_cpu, "Core of the server (0)");
  bench_.add_option("--load-cpu", b.load_cpu, "Core of the load (1)");
}

/// docs/reference/commands.md.
int show_commands(const CLI::App& app, const std::string& overview) {
  std::string page = "# Commands\n\nThis page is what `madang commands` prints.\n\n```\n" + overview + "```\n";
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    page += "\n## " + command->get_name() + "\n\n```\n" + command->help("madang") + "```\n";
  }
  std::fwrite(page.data(), 1, page.size(), stdout);
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Madang, a city operating system: keeps a city's live entities and shares them (NGSI-LD)", "madang");
  app.set_version_flag("--version", "madang " MADANG_VERSION);
  app.require_subcommand(1);
  app.footer(kExitCodes);

  int code = kDone;
  ServeCommand serve_;
  serve_.arguments = argv;
  ImportCommand import_;
  ExportCommand export_;
  FeedTryCommand feed_;
  SampleCityCommand sample_;
  BackupCommand backup_;
  RestoreCommand restore_;
  TokenCommand token_;
  BenchCommand bench_;
  std::string folder;
  bool markdown = false;
  std::string overview;
  add_serve(app, serve_, code);
  add_transfer(app, import_, export_, code);
  add_feed(app, feed_, code);
  add_sample(app, sample_, code);
  add_keeping(app, backup_, restore_, folder, code);
  add_small(app, token_, markdown, code);
  add_bench(app, bench_, code);
  add(app, "commands", "Show the help of all commands, as the reference page", "madang commands > commands.md", code,
      [&] { return show_commands(app, overview); });
  overview = app.help();  // once a command is chosen, help() is that command's

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    return app.exit(wrong) == 0 ? kDone : kUsage;
  }
  return code;
}
