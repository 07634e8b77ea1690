// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/eventually.hpp"
#include "support/messaging_choice.hpp"
#include "support/program.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace tensorpool::test {

/// `tp` as real processes, with shared memory in a private directory, and messages there or on the tests'
/// Aeron.
class TpTest : public testing::Test {
protected:
    void SetUp() override { std::filesystem::create_directory(shm_dir()); }

    [[nodiscard]] std::string messaging_dir() const { return dir.str() + "/messaging"; }
    [[nodiscard]] std::string shm_dir() const { return dir.str() + "/shm"; }
    [[nodiscard]] std::string path(const std::string& name) const { return dir.str() + "/" + name; }

    /// What tells a program which messaging to use.
    [[nodiscard]] std::vector<std::string> messaging_environment() const {
        if (aeron_dir_of_tests().empty()) return {"TP_MESSAGING_DIR=" + messaging_dir()};
        return {"TP_MESSAGING=aeron", "AERON_DIR=" + aeron_dir_of_tests()};
    }
    [[nodiscard]] std::unique_ptr<Program> tp(std::vector<std::string> words,
                                              std::vector<std::string> environment = {}) const {
        words.insert(words.begin(), TP_PROGRAM);
        const auto messaging = messaging_environment();
        environment.insert(environment.end(), messaging.begin(),
                           messaging.end());  // the first of a name counts
        return std::make_unique<Program>(words, environment);
    }
    /// Runs to the end; the exit code, output in `out` and `err`.
    int run(const std::vector<std::string>& words, const std::vector<std::string>& environment = {}) {
        const auto program = tp(words, environment);
        const int code = program->wait();
        out = program->out();
        err = program->err();
        return code;
    }

    std::string write_config(const std::string& more = "") const {
        std::string file = path("driver.toml");
        std::ofstream(file) << "[shm]\nbase_dir = \"" << shm_dir() << "\"\n"
                            << "[policies]\ncleanup_shm_on_exit = true\n"
                            << "[profiles.small]\nheader_nslots = 16\n"
                            << "payload_pools = [{ pool_id = 1, stride_bytes = 65536 }]\n"
                            << "[streams.cam1]\nstream_id = 10000\nprofile = \"small\"\n"
                            << more;
        return file;
    }
    /// A driver that serves.
    [[nodiscard]] std::unique_ptr<Program> start_driver(
        const std::vector<std::string>& environment = {}) const {
        auto driver = tp({"driver", write_config()}, environment);
        EXPECT_TRUE(eventually([&] { return driver->err().find(" runs on ") != std::string::npos; }))
            << driver->err();
        return driver;
    }
    [[nodiscard]] static std::vector<nlohmann::json> json_lines(const std::string& text) {
        std::vector<nlohmann::json> lines;
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            if (in.eof()) break;  // the program is still writing this one
            lines.push_back(nlohmann::json::parse(line));
        }
        return lines;
    }
    /// The `value` of a `key=value` line.
    [[nodiscard]] static std::string value_of(const std::string& text, const std::string& key) {
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with(key + "=")) return line.substr(key.size() + 1);
        }
        return "(no " + key + ")";
    }
    [[nodiscard]] int files_left() const {
        int files = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(shm_dir()))
            files += entry.is_regular_file() ? 1 : 0;
        return files;
    }

    TempDir dir;
    std::string out;
    std::string err;
};

}  // namespace tensorpool::test
