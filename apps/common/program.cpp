// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/program.hpp"

#include <tensorpool/error.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>

namespace tensorpool::apps {
namespace {

volatile std::sig_atomic_t stop_flag = 0;

extern "C" void request_stop(int signal) {
    if (stop_flag != 0) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
    stop_flag = 1;
}

ExitCode exit_code_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::InvalidArgument:
            return ExitCode::Usage;
        case ErrorCode::Rejected:
            return ExitCode::Negative;
        case ErrorCode::Timeout:
            return ExitCode::TimedOut;
        default:
            return ExitCode::Failed;
    }
}

/// TOOL-005.
std::string_view prefix_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::ProtocolError:
        case ErrorCode::Rejected:
            return "Protocol error: ";
        case ErrorCode::MessagingError:
            return "Messaging error: ";
        default:
            return "";
    }
}

int complain(const std::string& command, std::string_view what, ExitCode code) {
    // Several problems come as several lines; each stands alone.
    std::size_t begin = 0;
    while (begin <= what.size()) {
        const std::size_t end = std::min(what.find('\n', begin), what.size());
        const std::string_view line = what.substr(begin, end - begin);
        if (!line.empty())
            std::fprintf(stderr, "%s: %.*s\n", command.c_str(), static_cast<int>(line.size()), line.data());
        begin = end + 1;
    }
    return static_cast<int>(code);
}

}  // namespace

int run_program(CLI::App& app, Selection& selection, int argc, const char* const* argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& done) {  // --help, --version
        return app.exit(done);
    } catch (const CLI::ParseError& error) {
        if (argc <= 1) std::fprintf(stderr, "%s\n", app.help().c_str());
        std::fprintf(stderr, "%s: %s; %s --help shows what is valid\n", app.get_name().c_str(), error.what(),
                     app.get_name().c_str());
        return static_cast<int>(ExitCode::Usage);
    }
    if (!selection.run) {
        std::fprintf(stderr, "%s", app.help().c_str());
        return static_cast<int>(ExitCode::Usage);
    }
    const std::string command =
        selection.name.empty() ? app.get_name() : app.get_name() + " " + selection.name;
    try {
        return static_cast<int>(selection.run());
    } catch (const UsageError& error) {
        return complain(command, error.what(), ExitCode::Usage);
    } catch (const Error& error) {
        return complain(command, std::string(prefix_of(error.code())) + error.what(),
                        exit_code_of(error.code()));
    } catch (const std::exception& error) {
        return complain(command, error.what(), ExitCode::Failed);
    }
}

void stop_on_signals() {
    struct sigaction action = {};
    action.sa_handler = request_stop;
    ::sigemptyset(&action.sa_mask);
    // Without SA_RESTART: a sleeping wait returns and sees the flag.
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    // A closed terminal must not leave files behind either; under nohup the signal stays ignored.
    struct sigaction hangup = {};
    ::sigaction(SIGHUP, nullptr, &hangup);
    if (hangup.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);
}

bool stop_requested() noexcept {
    return stop_flag != 0;
}

void log_to_stderr(LogLevel lowest) {
    static std::unique_ptr<LogSink> sink;
    LogSettings settings = LogSettings::from_environment();
    if (!settings.on) {
        // What a program has to say about itself on stderr (TOOL-005); TP_LOG=0 silences it.
        if (std::getenv("TP_LOG") != nullptr) return;
        if (std::getenv("TP_LOG_LEVEL") == nullptr) settings.level = lowest;
        settings.format = LogFormat::Text;
        settings.file.clear();
        settings.modules.clear();
    }
    sink = make_log_sink(settings);
    set_log_sink(sink.get(), settings.level);
}

Nanos deadline_after(double seconds) {
    if (seconds <= 0) return std::numeric_limits<Nanos>::max();
    return system_clock().now_ns() + static_cast<Nanos>(seconds * static_cast<double>(kNanosPerSecond));
}

}  // namespace tensorpool::apps
