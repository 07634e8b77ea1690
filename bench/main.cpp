// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "harness.hpp"

#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

namespace {

constexpr const char* kUsage =
    "usage: tp-bench [--quick] [--json FILE] [--only NAME]\n"
    "  --quick      fewer rounds: under a minute in all\n"
    "  --json FILE  also write one flat object of name to number\n"
    "  --only NAME  run one group:";

struct NamedGroup {
    const char* name;
    tensorpool::bench::Group run;
};

// clang-format off: one a line
constexpr NamedGroup kGroups[] = {
    {"publish", tensorpool::bench::publish_group},
    {"copy", tensorpool::bench::copy_group},
    {"latency", tensorpool::bench::latency_group},
    {"fanout", tensorpool::bench::fanout_group},
    {"driver", tensorpool::bench::driver_group},
    {"consumers", tensorpool::bench::consumers_group},
    {"supervisor", tensorpool::bench::supervisor_group},
    {"join", tensorpool::bench::join_group},
    {"trace", tensorpool::bench::trace_group},
    {"bridge", tensorpool::bench::bridge_group},
    {"aeron", tensorpool::bench::aeron_group},
    {"telemetry", tensorpool::bench::telemetry_group},
    {"discovery", tensorpool::bench::discovery_group},
    {"rate_limiter", tensorpool::bench::rate_limiter_group},
};
// clang-format on

void print_usage(std::FILE* to) {
    std::fputs(kUsage, to);
    for (const NamedGroup& group : kGroups) std::fprintf(to, " %s", group.name);
    std::fputs("\n", to);
}

}  // namespace

int main(int argc, char** argv) {
    tensorpool::bench::Options options;
    std::string json;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--quick") {
            options.quick = true;
        } else if (argument == "--json" && i + 1 < argc) {
            json = argv[++i];
        } else if (argument == "--only" && i + 1 < argc) {
            options.filter = argv[++i];
        } else {
            print_usage(argument == "--help" ? stdout : stderr);
            return argument == "--help" ? 0 : 2;
        }
    }
    tensorpool::bench::Results results;
    bool ran = false;
    try {
        for (const NamedGroup& group : kGroups) {
            if (!options.filter.empty() && options.filter != group.name) continue;
            std::fprintf(stderr, "%s\n", group.name);
            group.run(options, results);
            ran = true;
        }
        if (!ran) {
            std::fprintf(stderr, "tp-bench: no group is called '%s'\n", options.filter.c_str());
            print_usage(stderr);
            return 2;
        }
        results.print_table();
        if (!json.empty()) results.write_json(json);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "tp-bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
