package check

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// cluster is what `kubectl apply -k deploy/kubernetes` would create.
type cluster struct {
	configMaps   map[string]*corev1.ConfigMap
	services     map[string]*corev1.Service
	deployments  map[string]*appsv1.Deployment
	statefulSets map[string]*appsv1.StatefulSet
	budgets      map[string]*policyv1.PodDisruptionBudget
	networks     map[string]*networkingv1.NetworkPolicy
	others       []string
}

// strictly returns a decoder that refuses unknown and repeated fields.
func strictly(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, policyv1.AddToScheme, networkingv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
}

// decode returns the objects of a stream of YAML documents.
func decode(t *testing.T, stream []byte) (objects []runtime.Object) {
	t.Helper()
	decoder := strictly(t)
	for reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%v: %v\n%s", kind, err, document)
		}
		objects = append(objects, object)
	}
}

func render(t *testing.T) *cluster {
	t.Helper()
	options := krusty.MakeDefaultOptions()
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), filepath.Join("..", "kubernetes"))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{
		map[string]*corev1.ConfigMap{},
		map[string]*corev1.Service{},
		map[string]*appsv1.Deployment{},
		map[string]*appsv1.StatefulSet{},
		map[string]*policyv1.PodDisruptionBudget{},
		map[string]*networkingv1.NetworkPolicy{},
		nil,
	}
	for _, object := range decode(t, stream) {
		switch o := object.(type) {
		case *corev1.ConfigMap:
			c.configMaps[o.Name] = o
		case *corev1.Service:
			c.services[o.Name] = o
		case *appsv1.Deployment:
			c.deployments[o.Name] = o
		case *appsv1.StatefulSet:
			c.statefulSets[o.Name] = o
		case *policyv1.PodDisruptionBudget:
			c.budgets[o.Name] = o
		case *networkingv1.NetworkPolicy:
			c.networks[o.Name] = o
		default:
			c.others = append(c.others, object.GetObjectKind().GroupVersionKind().Kind)
		}
	}
	return c
}

// pods returns the templates of all pods by the names of their owners.
func (c *cluster) pods() map[string]corev1.PodTemplateSpec {
	pods := map[string]corev1.PodTemplateSpec{}
	for name, d := range c.deployments {
		pods[name] = d.Spec.Template
	}
	for name, s := range c.statefulSets {
		pods[name] = s.Spec.Template
	}
	return pods
}

func TestManifests_AreDecodedStrictly(t *testing.T) {
	for _, name := range []string{"namespace.yaml", "credenza.yaml", "nats.yaml", "network.yaml"} {
		if len(decode(t, file(t, "kubernetes/"+name))) == 0 {
			t.Errorf("%s has no object", name)
		}
	}
	c := render(t)
	if len(c.deployments) != 1 || len(c.statefulSets) != 1 || len(c.services) != 3 || len(c.budgets) != 2 || len(c.networks) != 2 {
		t.Errorf("rendered %+v", c)
	}
	for name, pod := range c.pods() {
		for _, container := range pod.Spec.Containers {
			if container.Image == "credenza" {
				t.Errorf("%s: the image has no registry", name)
			}
		}
	}
}

func TestManifests_RefuseWhatIsUnknown(t *testing.T) {
	bad := strings.Replace(string(file(t, "kubernetes/credenza.yaml")), "enableServiceLinks:", "enableServiceLink:", 1)
	decoder := strictly(t)
	refused := false
	for reader := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(bad))); ; {
		document, err := reader.Read()
		if err != nil {
			break
		}
		if _, _, err := decoder.Decode(document, nil, nil); err != nil {
			refused = true
		}
	}
	if !refused {
		t.Error("a field that does not exist was taken")
	}
}

// TestPods_KeepTheRestrictedStandard judges the pods as a cluster's admission does.
func TestPods_KeepTheRestrictedStandard(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for name, pod := range render(t).pods() {
		for _, result := range evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec) {
			if !result.Allowed {
				t.Errorf("%s: %s: %s", name, result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
		for _, container := range pod.Spec.Containers {
			security := container.SecurityContext
			if security == nil || security.ReadOnlyRootFilesystem == nil || !*security.ReadOnlyRootFilesystem {
				t.Errorf("%s: the root of %s can be written", name, container.Name)
			}
			if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
				t.Errorf("%s: %s has no limit of memory, or asks for no processor", name, container.Name)
			}
			if container.LivenessProbe == nil || container.ReadinessProbe == nil || container.StartupProbe == nil {
				t.Errorf("%s: %s lacks a probe", name, container.Name)
			}
		}
		if pod.Spec.AutomountServiceAccountToken == nil || *pod.Spec.AutomountServiceAccountToken {
			t.Errorf("%s gets a token of the cluster", name)
		}
	}
}

// TestSelectors_FindPods holds that what names pods, ports and volumes names those that are there.
func TestSelectors_FindPods(t *testing.T) {
	c := render(t)
	find := func(owner string, selector labels.Selector) (found corev1.PodTemplateSpec) {
		n := 0
		for _, pod := range c.pods() {
			if selector.Matches(labels.Set(pod.Labels)) {
				found = pod
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s selects %d kinds of pods", owner, n)
		}
		return found
	}
	selector := func(s *metav1.LabelSelector) labels.Selector {
		parsed, err := metav1.LabelSelectorAsSelector(s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for name, d := range c.deployments {
		find(name, selector(d.Spec.Selector))
	}
	for name, s := range c.statefulSets {
		find(name, selector(s.Spec.Selector))
		if service := c.services[s.Spec.ServiceName]; service == nil || service.Spec.ClusterIP != corev1.ClusterIPNone {
			t.Errorf("%s has no headless service", name)
		}
	}
	for name, b := range c.budgets {
		find(name, selector(b.Spec.Selector))
	}
	for name, n := range c.networks {
		pod := find(name, selector(&n.Spec.PodSelector))
		for _, rule := range n.Spec.Ingress {
			for _, port := range rule.Ports {
				checkPort(t, "network policy "+name, pod, *port.Port)
			}
			for _, peer := range rule.From {
				find(name, selector(peer.PodSelector))
			}
		}
	}
	for name, s := range c.services {
		pod := find(name, labels.SelectorFromSet(s.Spec.Selector))
		for _, port := range s.Spec.Ports {
			target := port.TargetPort
			if target == (intstr.IntOrString{}) {
				target = intstr.FromInt32(port.Port)
			}
			checkPort(t, "service "+name, pod, target)
		}
	}
	for name, pod := range c.pods() {
		for _, container := range pod.Spec.Containers {
			for _, probe := range []*corev1.Probe{container.LivenessProbe, container.ReadinessProbe, container.StartupProbe} {
				checkPort(t, "a probe of "+name, pod, probe.HTTPGet.Port)
			}
		}
		checkVolumes(t, name, pod, c.statefulSets[name])
	}
	if s := c.services["credenza-grpc"]; s == nil || s.Spec.ClusterIP != corev1.ClusterIPNone {
		t.Error("clients have no headless service")
	}
}

func checkPort(t *testing.T, owner string, pod corev1.PodTemplateSpec, port intstr.IntOrString) {
	t.Helper()
	for _, container := range pod.Spec.Containers {
		for _, p := range container.Ports {
			if port.Type == intstr.String && p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal {
				return
			}
		}
	}
	t.Errorf("%s names the port %s, which the pod does not have", owner, port.String())
}

func checkVolumes(t *testing.T, name string, pod corev1.PodTemplateSpec, set *appsv1.StatefulSet) {
	t.Helper()
	volumes := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = true
	}
	if set != nil {
		for _, claim := range set.Spec.VolumeClaimTemplates {
			volumes[claim.Name] = true
		}
	}
	for _, container := range pod.Spec.Containers {
		for _, mount := range container.VolumeMounts {
			if !volumes[mount.Name] {
				t.Errorf("%s mounts %s, which is no volume", name, mount.Name)
			}
			delete(volumes, mount.Name)
		}
	}
	for volume := range volumes {
		t.Errorf("%s has the volume %s, which is mounted nowhere", name, volume)
	}
}

// TestPods_MayDrain holds that a pod has the time that its end takes.
func TestPods_MayDrain(t *testing.T) {
	pod := render(t).deployments["credenza"].Spec.Template.Spec
	const drain = 30 // CREDENZA_DRAIN_TIMEOUT
	if least := pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds + drain + 5; *pod.TerminationGracePeriodSeconds < least {
		t.Errorf("a pod has %d s to end, it may need %d", *pod.TerminationGracePeriodSeconds, least)
	}
}
