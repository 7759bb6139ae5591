package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"gatehouse/packaging/machine"
)

// Packages are the packages as they are delivered.
type Packages struct {
	Deb, RPM map[string]string // files, by package
	Base     string            // the Debian that machines start from
	Dir      string            // for machines
}

// packaged is what a scenario does with packages.
type packaged struct {
	all   Packages
	where *machine.Machine
	rpm   string   // the one that the scenario is about
	files []string // in it
}

func packageSteps() []Step {
	return []Step{
		{Given, `^a Debian without Gatehouse$`, on0((*scenario).hasDebian)},
		{Given, `^the Debian package of (\S+) was installed$`, on1((*scenario).installs)},
		{When, `^the Debian package of (\S+) is installed$`, on1((*scenario).installs)},
		{Given, `^somebody has set (\S+) to (\S+) in the settings of (\S+)$`, on3((*scenario).sets)},
		{When, `^the Debian package of (\S+) is removed$`, on1((*scenario).removes)},
		{Then, `^the program (\S+) is there and tells its version$`, on1((*scenario).programTellsVersion)},
		{Then, `^the systemd unit of (\S+) is there and is not enabled$`, on1((*scenario).unitIsDisabled)},
		{Then, `^the settings of (\S+) are there$`, on1((*scenario).settingsAreThere)},
		{Then, `^the user (\S+) is there, who cannot log in$`, on1((*scenario).userIsThere)},
		{Then, `^the program and the systemd unit of (\S+) are gone$`, on1((*scenario).programIsGone)},
		{Then, `^the settings of (\S+) still set (\S+) to (\S+)$`, on3((*scenario).settingsSay)},
		{Given, `^the RPM package of (\S+)$`, on1((*scenario).hasRPM)},
		{When, `^somebody looks into it$`, on0((*scenario).looksIntoRPM)},
		{Then, `^it holds the program, the systemd unit and the settings of (\S+)$`, on1((*scenario).rpmHolds)},
		{Then, `^it holds nothing that the Debian package of (\S+) does not hold$`, on1((*scenario).rpmHoldsTheSame)},
		{Then, `^it keeps the settings of (\S+) when they were changed$`, on1((*scenario).rpmKeepsSettings)},
		{Then, `^it makes the user (\S+) when it is installed$`, on1((*scenario).rpmMakesUser)},
	}
}

// missing passes a scenario over where something is not installed; not in CI.
func missing(err error) error {
	if errors.Is(err, machine.ErrMissing) && os.Getenv("CI") != "true" {
		return errors.Join(godog.ErrSkip, err)
	}
	return err
}

// hasPackages makes sure that there are packages.
func (s *scenario) hasPackages(ctx context.Context) (err error) {
	if s.stage.Packages == nil {
		return errNoPrograms
	}
	s.packaged.all, err = s.stage.Packages(ctx)
	return missing(err)
}

func (s *scenario) hasDebian(ctx context.Context) error {
	if err := s.hasPackages(ctx); err != nil {
		return err
	}
	root, err := os.MkdirTemp(s.packaged.all.Dir, "debian-")
	if err != nil {
		return err
	}
	s.packaged.where, err = machine.Unpack(ctx, s.packaged.all.Base, root)
	return missing(err)
}

// leaves removes the scenario's Debian.
func (p packaged) leaves() error {
	if p.where == nil {
		return nil
	}
	return os.RemoveAll(p.where.Root)
}

// in runs a program in the Debian.
func (s *scenario) in(ctx context.Context, name string, args ...string) (string, error) {
	out, err := s.packaged.where.Try(ctx, name, args...)
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(out))
	}
	return out, err
}

func (s *scenario) installs(ctx context.Context, name string) error {
	file, ok := s.packaged.all.Deb[name]
	if !ok {
		return fmt.Errorf("there is no Debian package of %s", name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := s.packaged.where.Write("/root/package.deb", string(text)); err != nil {
		return err
	}
	_, err = s.in(ctx, "dpkg", "-i", "/root/package.deb")
	return err
}

func (s *scenario) sets(_ context.Context, variable, value, name string) error {
	return s.packaged.where.Set(machine.Settings(name), map[string]string{variable: value})
}

func (s *scenario) removes(ctx context.Context, name string) error {
	_, err := s.in(ctx, "dpkg", "-r", name)
	return err
}

func (s *scenario) programTellsVersion(ctx context.Context, name string) error {
	out, err := s.in(ctx, machine.Program(name), "--version")
	if err != nil {
		return err
	}
	return says("its version", out, "0.")
}

func (s *scenario) unitIsDisabled(ctx context.Context, name string) error {
	unit, err := s.packaged.where.Read(machine.Unit(name))
	if err != nil {
		return err
	}
	if _, err := s.in(ctx, "systemd-analyze", "verify", "--man=no", machine.Unit(name)); err != nil {
		return err
	}
	out, _ := s.packaged.where.Try(ctx, "systemctl", "is-enabled", name) // status 1 says that it is not
	return errors.Join(says("the unit", unit, "EnvironmentFile="+machine.Settings(name)), expect("the unit is", strings.TrimSpace(out), "disabled"))
}

func (s *scenario) settingsAreThere(ctx context.Context, name string) error {
	out, err := s.in(ctx, "dpkg-query", "-W", "-f", "${Conffiles}", name)
	if err != nil {
		return err
	}
	_, err = s.packaged.where.Read(machine.Settings(name))
	return errors.Join(err, says("the configuration files", out, machine.Settings(name)+" "))
}

func (s *scenario) userIsThere(ctx context.Context, name string) error {
	out, err := s.in(ctx, "getent", "passwd", name)
	if err != nil {
		return err
	}
	return says("the user", out, "/nologin")
}

func (s *scenario) programIsGone(_ context.Context, name string) error {
	var errs []error
	for _, path := range []string{machine.Program(name), machine.Unit(name)} {
		if _, err := os.Lstat(filepath.Join(s.packaged.where.Root, path)); err == nil {
			errs = append(errs, fmt.Errorf("%s is still there", path))
		}
	}
	return errors.Join(errs...)
}

func (s *scenario) settingsSay(_ context.Context, name, variable, value string) error {
	text, err := s.packaged.where.Read(machine.Settings(name))
	if err != nil {
		return err
	}
	return says("the settings", text, "\n"+variable+"="+value+"\n")
}

func (s *scenario) hasRPM(ctx context.Context, name string) error {
	if err := s.hasPackages(ctx); err != nil {
		return err
	}
	s.packaged.rpm = s.packaged.all.RPM[name]
	return nil
}

func (s *scenario) looksIntoRPM(ctx context.Context) (err error) {
	s.packaged.files, err = machine.FilesOfRPM(ctx, s.packaged.rpm)
	return missing(err)
}

func (s *scenario) rpmHolds(_ context.Context, name string) error {
	for _, path := range []string{machine.Program(name), machine.Unit(name), machine.Settings(name)} {
		if !slices.Contains(s.packaged.files, path) {
			return fmt.Errorf("it does not hold %s, but %q", path, s.packaged.files)
		}
	}
	return nil
}

func (s *scenario) rpmHoldsTheSame(ctx context.Context, name string) error {
	out, err := machine.Command(ctx, "dpkg-deb", "--contents", s.packaged.all.Deb[name])
	if err != nil {
		return err
	}
	for _, path := range s.packaged.files {
		if !strings.Contains(out, " ."+path) {
			return fmt.Errorf("the Debian package does not hold %s", path)
		}
	}
	return expect("files of the package", fmt.Sprint(s.packaged.files), fmt.Sprint(machine.Contents(name)))
}

func (s *scenario) rpmKeepsSettings(ctx context.Context, name string) error {
	out, err := machine.QueryRPM(ctx, s.packaged.rpm, "--configfiles")
	if err != nil {
		return err
	}
	return expect("the configuration files are", strings.TrimSpace(out), machine.Settings(name))
}

func (s *scenario) rpmMakesUser(ctx context.Context, name string) error {
	out, err := machine.QueryRPM(ctx, s.packaged.rpm, "--scripts")
	if err != nil {
		return err
	}
	return says("the scripts", out, "systemd-sysusers "+name+".conf")
}
