module k8sflow.example/test/cluster/standin

go 1.26.0
