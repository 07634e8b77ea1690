// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp top: what every role does now, as a screen that refreshes itself.

#include "common/messaging_options.hpp"
#include "common/top_screen.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace tensorpool::apps {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kRows = 24;
constexpr Nanos kLongestLook = 100 * kNanosPerMilli;

struct TopOptions {
    MessagingOptions messaging;
    double interval_s = 1;
    bool once = false;
};

struct WindowSize {
    std::size_t columns = kColumns;
    std::size_t rows = kRows;
};

WindowSize window_size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
    return {size.ws_col, size.ws_row};
}

/// The terminal's second screen without a cursor, keys one by one; everything as before at the end.
class Screen {
public:
    Screen() {
        if (::isatty(STDIN_FILENO) != 0 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
            termios keys = before_;
            keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
            keys.c_cc[VMIN] = 0;
            keys.c_cc[VTIME] = 0;
            has_keys_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
        }
        std::fputs("\x1b[?1049h\x1b[?25l", stdout);
        std::fflush(stdout);
    }
    ~Screen() {
        std::fputs("\x1b[?25h\x1b[?1049l", stdout);
        std::fflush(stdout);
        if (has_keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    /// False when nobody sees it any more.
    static bool show(const std::string& text) {
        std::string frame = "\x1b[H";
        for (const char c : text) {
            if (c == '\n') {
                frame += "\x1b[K\r\n";
            } else {
                frame += c;
            }
        }
        if (frame.size() >= 2) frame.resize(frame.size() - 2);  // a newline in the last row would scroll
        frame += "\x1b[J";
        return std::fwrite(frame.data(), 1, frame.size(), stdout) == frame.size() && std::fflush(stdout) == 0;
    }

    /// Waits up to `timeout_ns` for `q`.
    [[nodiscard]] bool quit_pressed(Nanos timeout_ns) const {
        pollfd keys{has_keys_ ? STDIN_FILENO : -1, POLLIN, 0};
        if (::poll(&keys, 1, static_cast<int>(timeout_ns / kNanosPerMilli)) <= 0) return false;
        char key = 0;
        const ssize_t got = ::read(STDIN_FILENO, &key, 1);
        return got <= 0 || key == 'q' || key == 'Q';  // nothing to read: the terminal hung up
    }

private:
    termios before_{};
    bool has_keys_ = false;
};

/// Returns at `until_ns`, or earlier with true when the user has seen enough.
bool wait_until(const Screen* screen, const Clock& clock, Nanos until_ns) {
    for (Nanos now = clock.now_ns(); now < until_ns; now = clock.now_ns()) {
        if (stop_requested()) return true;
        const Nanos look = std::clamp<Nanos>(until_ns - now, kNanosPerMilli, kLongestLook);
        if (screen != nullptr) {
            if (screen->quit_pressed(look)) return true;
        } else {
            ::poll(nullptr, 0, static_cast<int>(look / kNanosPerMilli));
        }
    }
    return stop_requested();
}

ExitCode run_top(TopOptions& options) {
    if (!options.once && ::isatty(STDOUT_FILENO) == 0)
        throw UsageError("needs a terminal; --once prints one screen anywhere");
    start_logging();
    stop_on_signals();
    Context context(options.messaging.context_options());
    const Clock& clock = context.clock();
    const auto interval = static_cast<Nanos>(options.interval_s * static_cast<double>(kNanosPerSecond));
    TopSample before = take_top_sample(context.messaging(), clock.now_ns());
    if (options.once) {
        if (wait_until(nullptr, clock, before.at_ns + interval)) return ExitCode::Ok;
        const TopSample now = take_top_sample(context.messaging(), clock.now_ns());
        std::fputs(render_top(before, now, std::string::npos, 0).c_str(), stdout);
        return ExitCode::Ok;
    }
    const Screen screen;
    TopSample now = before;
    while (true) {
        const WindowSize size = window_size();
        if (!Screen::show(render_top(before, now, size.columns, size.rows))) return ExitCode::Ok;
        // The first rates come soon, whatever the interval.
        const bool first = before.at_ns == now.at_ns;
        if (wait_until(&screen, clock,
                       now.at_ns + (first ? std::min(interval, kNanosPerSecond / 2) : interval)))
            return ExitCode::Ok;
        before = std::move(now);
        now = take_top_sample(context.messaging(), clock.now_ns());
    }
}

}  // namespace

void add_top_command(const cli::Command& app, Selection& selection) {
    add_command<TopOptions>(
        app, selection, "top",
        "Show every stream's rates, lag and drops, refreshed until q or Ctrl-C. A ! marks drops since the "
        "last "
        "look.\n"
        "Example: tp top --interval-s 2",
        [](const cli::Command& command, TopOptions& options) {
            command.add_option("--interval-s", options.interval_s, "seconds between two looks")
                .capture_default_str()
                .check(cli::range(0.1, 3600.0));
            command.add_flag("--once", options.once, "print one screen after one interval and end");
            options.messaging.add_to(command);
        },
        run_top);
}

}  // namespace tensorpool::apps
