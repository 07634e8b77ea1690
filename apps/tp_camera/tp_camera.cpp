// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp-camera: publishes the frames of a GenICam camera as a tensor stream. The camera's packets are written
// into the shared payload slots directly.

#include "common/completion.hpp"
#include "common/man_page.hpp"
#include "common/program.hpp"
#include "common/report.hpp"
#include "tp_camera/camera_options.hpp"
#include "tp_camera/camera_run.hpp"
#include "tp_camera/fake_camera_process.hpp"

#include <tensorpool/version.hpp>

#include <cstdio>
#include <optional>
#include <string>

namespace tensorpool::apps {
namespace {

/// For packaging: what `tp completion` and `tp man` do.
struct SelfDescription {
    std::string shell;
    std::string man_dir;

    void add_to(const cli::Command& app) {
        app.add_option("--completion", shell, "print a completion script")
            .check(cli::one_of({"bash", "zsh", "fish"}))
            .group("");
        app.add_option("--man", man_dir, "write the manual page into this directory").group("");
    }
    /// False: nothing was asked for.
    [[nodiscard]] bool write(const cli::Command& app) const {
        const CommandText command = describe_commands(app);
        if (!shell.empty()) std::fputs(completion_script(command, shell).c_str(), stdout);
        if (!man_dir.empty()) write_man_pages(command, TENSORPOOL_VERSION, man_dir);
        return !shell.empty() || !man_dir.empty();
    }
};

ExitCode list(const CameraOptions& options) {
    std::optional<FakeCameraProcess> simulator;
    if (options.fake) simulator.emplace(sibling_program("tp-fake-camera"), "127.0.0.1", "GV01");
    Report cameras = Report::array();
    for (const CameraDescription& camera : list_cameras()) {
        cameras.push_back({{"id", camera.id},
                           {"address", camera.address},
                           {"protocol", camera.protocol},
                           {"vendor", camera.vendor},
                           {"model", camera.model},
                           {"serial", camera.serial}});
    }
    if (cameras.empty()) std::fprintf(stderr, "tp-camera: no camera answers; --fake simulates one\n");
    print_report({{"cameras", cameras}}, options.json);
    return ExitCode::Ok;
}

}  // namespace
}  // namespace tensorpool::apps

int main(int argc, char** argv) {
    using namespace tensorpool::apps;
    cli::Program app(
        "Publishes a camera's frames as a tensor stream, without copying them.\n"
        "Example: tp-camera --fake --standalone --rate 100 --duration 10\n"
        "         tp-camera --camera 192.168.1.20 --roi 0,0,640,480 --stream 10000   (with tp driver "
        "running)",
        "tp-camera", "tp-camera " TENSORPOOL_VERSION);
    CameraOptions options;
    options.add_to(app);
    SelfDescription description;
    description.add_to(app);
    Selection selection{[&] {
        if (description.write(app)) return ExitCode::Ok;
        return options.list ? list(options) : run_camera(options);
    }};
    return run_program(app, selection, argc, argv);
}
