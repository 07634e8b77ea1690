// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/program.hpp"

#include "base/log.hpp"
#include "common/command_tree.hpp"
#include "common/report.hpp"

#include <tensorpool/error.hpp>

#include <CLI/CLI.hpp>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

std::string& messaging_name() {
    static std::string name = "Messaging";
    return name;
}

/// TOOL-005.
std::string prefix_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::ProtocolError:
        case ErrorCode::Rejected:
            return "Protocol error: ";
        case ErrorCode::MessagingError:
            return messaging_name() + " error: ";
        default:
            return "";
    }
}

int complain(const std::string& command, std::string_view what, ExitCode code) {
    base::log_with(LogLevel::Error, "Tool", {{"command", std::string_view(command)}}, "{}: {}", command,
                   what);
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

/// TOOL-012: CLI11 would also read 0x10 and, with a leading 0, octal; and take what is too large for 64 bits.
std::string check_decimal(const std::string& text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos)
        return "'" + text + "' is not an unsigned decimal number";
    std::uint64_t value = 0;
    const bool fits = std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
    return fits ? "" : "'" + text + "' is out of range";
}

void require_decimal_numbers(CLI::App& app) {
    for (CLI::Option* option : app.get_options()) {
        const std::string type = option->get_type_name();
        if (type.starts_with("UINT") || type.starts_with("INT"))
            option->check(CLI::Validator(check_decimal, ""));
    }
    for (CLI::App* child : app.get_subcommands({})) require_decimal_numbers(*child);
}

/// TOOL-001: what is wrong, and how the command is used.
int refuse_command_line(const cli::Program& program, int argc, const CLI::ParseError& error) {
    const CLI::App& app = program.native();
    if (argc <= 1) {
        std::fprintf(stderr, "%s\n", app.help().c_str());
        return static_cast<int>(ExitCode::Usage);
    }
    const CommandText command = describe_innermost(program);
    std::string what = error.what();
    if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) what += ", which is out of range";
    // "in range 0 to" a number of 309 digits
    if (const std::size_t limit = what.find(" to 17976931348623157"); limit != std::string::npos)
        what.replace(limit, std::string::npos, " or more");
    const std::vector<std::string> unknown = innermost_of(app).remaining();
    if (!command.commands.empty() && !unknown.empty()) what = "'" + unknown.front() + "' is no command";
    std::fprintf(stderr, "%s: %s; %s --help shows what is valid\nusage: %s\n", command.path.c_str(),
                 printable(what).c_str(), command.path.c_str(), usage_of(command).c_str());
    return static_cast<int>(ExitCode::Usage);
}

}  // namespace

int run_program(const cli::Program& program, Selection& selection, int argc, const char* const* argv) {
    CLI::App& app = program.native();
    require_decimal_numbers(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& done) {  // --help, --version
        return app.exit(done);
    } catch (const CLI::ParseError& error) {
        return refuse_command_line(program, argc, error);
    }
    if (!selection.run) {
        std::fprintf(stderr, "%s", app.help().c_str());
        return static_cast<int>(ExitCode::Usage);
    }
    const std::string command = describe_innermost(program).path;
    try {
        return static_cast<int>(selection.run());
    } catch (const UsageError& error) {
        return complain(command, error.what(), ExitCode::Usage);
    } catch (const Error& error) {
        return complain(command, prefix_of(error.code()) + error.what(), exit_code_of(error.code()));
    } catch (const std::exception& error) {
        return complain(command, error.what(), ExitCode::Failed);
    }
}

void name_messaging(std::string_view name) {
    messaging_name() = name;
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

void start_logging() {
    static std::unique_ptr<LogSink> sink;
    const LogSettings settings = LogSettings::from_environment();
    if (!settings.on) return;
    sink = make_log_sink(settings);
    set_log_sink(sink.get(), settings.level);
}

void say(const std::string& line) {
    const char* const log = std::getenv("TP_LOG");
    if (log != nullptr && *log != '\0') return;
    std::fprintf(stderr, "%s\n", line.c_str());
}

Nanos deadline_after(double seconds) {
    if (seconds <= 0) return std::numeric_limits<Nanos>::max();
    return system_clock().now_ns() + static_cast<Nanos>(seconds * static_cast<double>(kNanosPerSecond));
}

}  // namespace tensorpool::apps
